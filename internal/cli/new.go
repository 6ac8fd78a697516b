package cli

import (
	_ "embed"
	"fmt"
	"strings"
	"text/template"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/util/validation"
)

//go:embed new-service.yaml
var newService string

//go:embed new-host.yaml
var newHost string

func (p *program) newCommand() *cobra.Command {
	values := struct{ Name, IP, Hostname, Check, DependsOn string }{IP: "192.168.1.11", Check: "tcp:8080"}
	var dependsOn []string
	var host bool
	c := &cobra.Command{
		Use:     "new NAME",
		Short:   "Write a commented manifest of a service, or of a host, to begin with",
		Example: "  new vaultwarden --ip 192.168.1.14 --depends-on postgresql,caddy --health-check http://localhost:8080/health > vaultwarden.yaml\n  new default --host > host.yaml",
		Args:    one("the name of what is to be new"),
		RunE: func(_ *cobra.Command, args []string) error {
			values.Name = args[0]
			if wrong := validation.IsDNS1123Label(values.Name); len(wrong) > 0 {
				return fmt.Errorf("%q cannot be the name of a service: %s", values.Name, strings.Join(wrong, "; "))
			}
			if values.Hostname == "" {
				values.Hostname = values.Name
			}
			values.DependsOn = strings.Join(dependsOn, ", ")
			text := newService
			if host {
				text = newHost
			}
			funcs := template.FuncMap{"quote": quoteYAML}
			return template.Must(template.New("new").Funcs(funcs).Parse(text)).Execute(p.Out, values)
		},
	}
	f := c.Flags()
	f.StringVar(&values.IP, "ip", values.IP, "address of the container")
	f.StringVar(&values.Hostname, "hostname", "", "host name (default: the name, completed by the host's domain)")
	f.StringVar(&values.Check, "health-check", values.Check, "how to tell that the service is healthy")
	f.StringSliceVar(&dependsOn, "depends-on", nil, "services that must be up before it")
	f.BoolVar(&host, "host", false, "a NixMoxHost instead")
	return c
}

// quoteYAML writes a text so that YAML reads it as that text.
func quoteYAML(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(s) + `"`
}

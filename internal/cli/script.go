package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/nixmox/nixmox-controller/internal/desired"
	"github.com/nixmox/nixmox-controller/internal/script"
	"github.com/nixmox/nixmox-controller/internal/topology"
)

type scriptOptions struct {
	from    source
	phase   int
	service string
	dir     string
}

func (p *program) scriptCommand() *cobra.Command {
	var opts scriptOptions
	kinds := make([]string, len(script.Kinds))
	for i, k := range script.Kinds {
		kinds[i] = string(k)
	}
	c := &cobra.Command{
		Use:   "script (" + strings.Join(kinds, "|") + ") [-f FILE]",
		Short: "Write a shell script for a Proxmox node, for those who run no controller",
		Long: `Write a readable POSIX shell script that runs as root on a Proxmox node and uses pct and pvesh alone.

  deploy    brings the services up phase by phase, and waits for each phase to be healthy
  rollback  shuts them down in reverse order; --destroy, given to the script, also destroys what deletionPolicy: Delete allows
  health    checks each service once, with --comprehensive all that is known of it, layer by layer
  monitor   watches, and says when a service changes
  plan      says what deploy would do

Scripts may be run again: they find the containers by the same marker that the controller uses, never touch others, and do not change what
exists. A controller that is installed later takes the containers over.`,
		Example:   "  script deploy -f stack/ > deploy.sh\n  script deploy -f stack/ --dir deploy/   # a folder for each phase, a file for each service",
		Args:      oneOf("a kind of script", kinds),
		ValidArgs: kinds,
		RunE:      func(c *cobra.Command, args []string) error { return p.script(c.Context(), script.Kind(args[0]), &opts) },
	}
	opts.from.addFlags(c)
	f := c.Flags()
	f.IntVar(&opts.phase, "phase", 0, "only the services of this phase")
	f.StringVar(&opts.service, "service", "", "only this service")
	f.StringVarP(&opts.dir, "dir", "d", "", "write a folder for each phase with a file for each service, and one script that runs them in order")
	return c
}

func (p *program) script(ctx context.Context, kind script.Kind, opts *scriptOptions) error {
	st, err := p.load(ctx, &opts.from)
	if err != nil {
		return err
	}
	// What is wrong with the manifests is wrong with the script.
	if found := st.all(); len(found) > 0 {
		return found
	}
	if len(st.sets) != 1 {
		return fmt.Errorf("a script is for one host, and the services are of %d", len(st.sets))
	}
	in, err := p.scriptInput(st.sets[0], opts)
	if err != nil {
		return err
	}
	if opts.dir != "" {
		return p.scriptFolder(kind, in, opts.dir)
	}
	text, err := script.Text(kind, in)
	if err != nil {
		return err
	}
	_, err = fmt.Fprint(p.Out, text)
	return err
}

func (p *program) scriptInput(s *set, opts *scriptOptions) (script.Input, error) {
	in := script.Input{Program: p.name, Host: s.host}
	if in.Host.Spec.Instance == "" {
		in.Host.Spec.Instance = "nixmox"
	}
	for _, k := range s.report.Order() {
		svc := s.service(k)
		if !desired.Enabled(svc) {
			continue
		}
		one, err := script.Of(s.host, svc, s.report)
		if err != nil {
			return in, err
		}
		if one.VMID != 0 {
			in.Reserved = append(in.Reserved, one.VMID)
		}
		wanted := (opts.phase == 0 || one.Phase == opts.phase) && (opts.service == "" || opts.service == k.Name || opts.service == k.String())
		if wanted {
			in.Services = append(in.Services, one)
		}
	}
	if len(in.Services) == 0 {
		return in, fmt.Errorf("no enabled service matches; the phases are 1 to %d, the services %s", s.report.PhaseCount(), strings.Join(namesIn(s), ", "))
	}
	return in, nil
}

func namesIn(s *set) []string {
	var names []string
	for i := range s.services {
		names = append(names, topology.KeyOf(&s.services[i]).Name)
	}
	return names
}

// scriptFolder writes DIR/01-infrastructure/dns.sh and so on, and DIR/KIND.sh, which runs them one after the other.
func (p *program) scriptFolder(kind script.Kind, in script.Input, dir string) error {
	files, err := script.Files(kind, in)
	if err != nil {
		return err
	}
	for _, f := range files {
		path := filepath.Join(dir, filepath.FromSlash(f.Name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return fmt.Errorf("make the folder: %w", err)
		}
		if err := writeNew(path, f.Text, 0o755); err != nil {
			return err
		}
		fmt.Fprintln(p.Out, path)
	}
	return nil
}

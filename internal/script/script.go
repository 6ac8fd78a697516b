// Package script writes POSIX shell for a Proxmox node that does by hand what the controller does by itself: bring a stack up phase by
// phase, take it down, watch it. It is pure. The containers are those of the controller: their parameters come from internal/execute, and
// they carry the marker, so that a controller takes them over later. The kubectl plugin writes the scripts; they use pct and pvesh alone.
package script

import (
	"embed"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/checkup"
	"github.com/nixmox/nixmox-controller/internal/desired"
	"github.com/nixmox/nixmox-controller/internal/execute"
	"github.com/nixmox/nixmox-controller/internal/health"
	"github.com/nixmox/nixmox-controller/internal/manifest"
	"github.com/nixmox/nixmox-controller/internal/marker"
	"github.com/nixmox/nixmox-controller/internal/plan"
	"github.com/nixmox/nixmox-controller/internal/proxmox"
)

// Kind is what a script is for.
type Kind string

// The kinds of scripts.
const (
	Deploy   Kind = "deploy"
	Rollback Kind = "rollback"
	Monitor  Kind = "monitor"
	Health   Kind = "health"
	Plan     Kind = "plan"
)

// Kinds are all of them.
var Kinds = []Kind{Deploy, Rollback, Monitor, Health, Plan}

//go:embed lib
var library embed.FS

// Service is one service with everything that a script says of it.
type Service struct {
	Key   manifest.Key
	Phase int
	// PhaseName is the host's name for it.
	PhaseName string
	Desired   plan.Desired
	// VMID that the spec fixes; 0: the first free one.
	VMID int
	// Node that the spec fixes.
	Node      string
	DependsOn []string
	// Checks are those of the controller, as Times are.
	Checks checkup.Checks
	Times  health.Spec
	// Layers are all the checks that are known, for the comprehensive look.
	Layers  []health.Layer
	Destroy bool
	// Adopt is whether the service takes over a container that somebody made, which a script does not do.
	Adopt bool
	// Environment is whether the service has variables, which a script does not write.
	Environment bool
}

// Input is what scripts are written from.
type Input struct {
	// Name of the program that writes the script, for its first lines.
	Program  string
	Host     *v1alpha1.NixMoxHost
	Services []Service // in deployment order
	// Reserved are VMIDs that services have by their spec: no other service is given them.
	Reserved []int
}

// Text is the whole script.
func Text(kind Kind, in Input) (string, error) {
	body, err := library.ReadFile("lib/" + string(kind) + ".sh")
	if kind == Plan {
		body, err = library.ReadFile("lib/deploy.sh")
	}
	if err != nil {
		return "", fmt.Errorf("no such script: %s", kind)
	}
	common, err := library.ReadFile("lib/common.sh")
	if err != nil {
		return "", err
	}
	var b strings.Builder
	uses := func(name string) bool {
		used := regexp.MustCompile(`\$\{?` + name + `\b`)
		return used.Match(common) || used.Match(body)
	}
	header(&b, kind, in)
	settings(&b, kind, in, uses)
	b.Write(common)
	insideScripts(&b, kind, in)
	for i := range in.Services {
		service(&b, i+1, kind, in, &in.Services[i], uses)
		if kind == Deploy || kind == Plan {
			b.WriteString(createFunction(i+1, in, &in.Services[i]))
		}
	}
	b.WriteString("\n# ---- what this script does\n\n")
	b.Write(body)
	return checkBytes(b.String())
}

// checkBytes refuses what no shell can hold.
func checkBytes(text string) (string, error) {
	if strings.ContainsRune(text, 0) {
		return "", fmt.Errorf("a value contains a NUL byte, which no shell script can hold")
	}
	return text, nil
}

func header(b *strings.Builder, kind Kind, in Input) {
	purpose := map[Kind]string{
		Deploy:   "Brings the services below up, phase by phase, and waits for each phase to be healthy. It may be run again at any time.",
		Rollback: "Shuts the services below down, in reverse order. Containers and data are kept, unless --destroy is given.",
		Monitor:  "Watches the services below, and says when one changes.",
		Health:   "Checks the services below once; exit 1 if one is not healthy.",
		Plan:     "Says what the deployment script would do, and does nothing.",
	}[kind]
	fmt.Fprintf(b, "#!/bin/sh\n# %s\n# Written by `%s script %s` for the host %s.\n", purpose, in.Program, kind, comment(in.Host.Namespace+"/"+in.Host.Name))
	b.WriteString("# Run it as root on a Proxmox VE node; it uses pct and pvesh. --help tells its options.\n")
	// Values are data: nothing in them is to expand.
	b.WriteString("# shellcheck disable=SC2016,SC1003\nset -eu\n\n")
}

func settings(b *strings.Builder, kind Kind, in Input, uses func(string) bool) {
	dry := "0"
	if kind == Plan {
		dry = "1"
	}
	degraded := "proceed"
	if in.Host.Spec.Rollout.Degraded == v1alpha1.DegradedHold {
		degraded = "hold"
	}
	unknown := "hold"
	if in.Host.Spec.Rollout.UnknownHealth == v1alpha1.UnknownProceed {
		unknown = "proceed"
	}
	reserved := make([]string, len(in.Reserved))
	for i, vmid := range in.Reserved {
		reserved[i] = fmt.Sprint(vmid)
	}
	from, to := in.Host.Spec.VMIDRange.From, in.Host.Spec.VMIDRange.To
	if from == 0 {
		from, to = 900, 999
	}
	for _, line := range [][2]string{
		{"instance", in.Host.Spec.Instance}, {"vmid_from", fmt.Sprint(from)}, {"vmid_to", fmt.Sprint(to)},
		{"reserved", " " + strings.Join(reserved, " ") + " "}, {"unknown_health", unknown}, {"degraded", degraded}, {"count", fmt.Sprint(len(in.Services))}, {"dry_run", dry},
	} {
		if uses(line[0]) {
			fmt.Fprintf(b, "%s=%s\n", line[0], Quote(line[1]))
		}
	}
	b.WriteString("\n")
}

// service writes what a script knows of one service, as functions with its number.
func service(b *strings.Builder, n int, kind Kind, in Input, s *Service, uses func(string) bool) {
	title := fmt.Sprintf("phase %d", s.Phase)
	if s.PhaseName != "" {
		title += " (" + s.PhaseName + ")"
	}
	fmt.Fprintf(b, "\n# ---- %s: %s\n\nservice_%d() {\n", comment(s.Key.String()), comment(title), n)
	for _, line := range [][2]string{
		{"service", s.Key.String()}, {"phase", fmt.Sprint(s.Phase)}, {"wish_vmid", number(s.VMID)}, {"wish_node", s.Node},
		{"check", s.name(kind, n)}, {"check_text", s.Checks.Text(kind != Deploy && kind != Plan)},
		{"check_timeout", seconds(s.Times.Timeout)}, {"startup_timeout", seconds(s.Times.StartupTimeout)}, {"shutdown_timeout", seconds(s.Desired.ShutdownTimeout)},
		{"depends_on", numbers(in, s)}, {"may_destroy", yesNo(s.Destroy)}, {"environment", yesNo(s.Environment)}, {"adopts", yesNo(s.Adopt)},
	} {
		if uses(line[0]) {
			fmt.Fprintf(b, "\t%s=%s\n", line[0], Quote(line[1]))
		}
	}
	b.WriteString("}\n")
	if kind != Rollback {
		checkFunctions(b, n, kind, s)
	}
}

// numbers are the numbers of the services in this script that a service depends on.
func numbers(in Input, s *Service) string {
	var all []string
	for i := range in.Services {
		for _, name := range s.DependsOn {
			if in.Services[i].Key.Namespace == s.Key.Namespace && in.Services[i].Key.Name == name {
				all = append(all, fmt.Sprint(i+1))
			}
		}
	}
	return strings.Join(all, " ")
}

// sentinel stands for the container's number until the script knows it.
const sentinel = 1999999999

// CreateParams are the parameters of `pct create`, which are those of the controller, with sentinel for the number in the marker.
func createParams(in Input, s *Service, vmid int) proxmox.Params {
	return execute.CreateParams(s.Desired, marker.Marker{
		Instance: in.Host.Spec.Instance, Host: in.Host.Namespace + "/" + in.Host.Name, Service: s.Key.String(),
		VMID: vmid, State: marker.Live, Volumes: map[string]string{},
	})
}

func createFunction(n int, in Input, s *Service) string {
	params := createParams(in, s, sentinel)
	var b strings.Builder
	fmt.Fprintf(&b, "\ncreate_%d() {\n", n)
	if keys := params["ssh-public-keys"]; keys != "" {
		fmt.Fprintf(&b, "\tkeys=$(keys_file %s)\n", Quote(keys))
	}
	fmt.Fprintf(&b, "\tset -- \"$vmid\" %s", Quote(params["ostemplate"]))
	for _, key := range params.Keys() {
		value := Quote(params[key])
		switch key {
		case "ostemplate":
			continue
		case "ssh-public-keys":
			value = `"$keys"`
		case "description":
			before, after, _ := strings.Cut(params[key], fmt.Sprint(sentinel))
			value = Quote(before) + `"$vmid"` + Quote(after)
		}
		fmt.Fprintf(&b, " \\\n\t\t--%s %s", key, value)
	}
	b.WriteString("\n\tdo_it pct create \"$@\"\n}\n")
	return b.String()
}

// Of is a service of a host with every default filled in.
func Of(host *v1alpha1.NixMoxHost, svc *v1alpha1.NixMoxService, report *manifest.Report) (Service, error) {
	k := manifest.Key{Namespace: svc.Namespace, Name: svc.Name}
	d, err := desired.Container(host, svc, report.Level(k))
	if err != nil {
		return Service{}, fmt.Errorf("service %s: %w", k, err)
	}
	s := Service{
		Key: k, Phase: report.Phase(k), Desired: d, Node: svc.Spec.Node, DependsOn: svc.Spec.DependsOn, Destroy: svc.Spec.DeletionPolicy == v1alpha1.DeletionDelete,
	}
	// On a node commands can be run inside its containers.
	if s.Checks, err = checkup.Of(svc, true); err == nil {
		s.Layers, err = checkup.Layers(svc)
	}
	if err != nil {
		return Service{}, fmt.Errorf("service %s: %w", k, err)
	}
	s.Times = checkup.Spec(host, svc, s.Checks)
	for _, p := range report.Phases() {
		if p.Number == s.Phase {
			s.PhaseName = p.Name
		}
	}
	if svc.Spec.VMID != nil {
		s.VMID = int(*svc.Spec.VMID)
	}
	s.Adopt = svc.Spec.Adopt
	s.Environment = len(svc.Spec.Environment) > 0 || len(svc.Spec.EnvironmentFrom) > 0
	return s, nil
}

func number(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(n)
}

func seconds(d time.Duration) string { return fmt.Sprint(max(int64(d/time.Second), 1)) }

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

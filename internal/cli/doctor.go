package cli

import (
	"context"
	"fmt"
	"slices"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/checkup"
	"github.com/nixmox/nixmox-controller/internal/desired"
)

// finding is one thing that a host needs, as status.preflight and the host's conditions tell it.
type finding struct {
	Host    string `json:"host"`
	Name    string `json:"name"`
	OK      bool   `json:"ok"`
	Message string `json:"message,omitempty"`
	Fix     string `json:"fix,omitempty"`
}

func (p *program) doctorCommand() *cobra.Command {
	var from source
	var out output
	c := &cobra.Command{
		Use:   "doctor [-f FILE]",
		Short: "Say what hosts lack, with the line that mends it; with -f, what is wrong with manifests",
		Long: `Say what the hosts of the cluster lack on Proxmox: connection, credentials, privileges, storages, template, bridge, commands in containers.
Each finding comes with the line for the shell of a Proxmox node that mends it, where there is one. The controller looks, with its own
credentials; this command needs none. With -f it looks at manifests instead, as validate does, and needs no cluster.

Exit code 1 if something is missing.`,
		Args: none,
		RunE: func(c *cobra.Command, _ []string) error { return p.doctor(c.Context(), &from, out) },
	}
	from.addFlags(c)
	out.addFlag(c, "text")
	return c
}

func (p *program) doctor(ctx context.Context, from *source, out output) error {
	st, err := p.load(ctx, from)
	if err != nil {
		return err
	}
	if found := st.all(); from.local() && out == "" && len(found) > 0 {
		return found
	}
	findings := []finding{}
	if !from.local() {
		c, err := p.client()
		if err != nil {
			return err
		}
		if findings, err = findingsOf(ctx, c, st); err != nil {
			return err
		}
	}
	for _, problem := range st.all() {
		findings = append(findings, finding{Host: problem.Object, Name: "manifests", Message: problem.Message})
	}
	printed, err := p.structured(out, findings)
	if err != nil {
		return err
	}
	bad := 0
	for _, f := range findings {
		if !f.OK {
			bad++
		}
		if !printed {
			p.printFinding(f)
		}
	}
	if bad > 0 {
		return exitCode(ExitProblem)
	}
	if !printed && from.local() {
		fmt.Fprintln(p.Out, "nothing is wrong with the manifests; without -f the hosts of the cluster are looked at")
	}
	return nil
}

func (p *program) printFinding(f finding) {
	sign := p.paint(green, "✔")
	if !f.OK {
		sign = p.paint(red, "✘")
	}
	line := sign + " "
	if f.Host != "" {
		line += f.Host + "  "
	}
	fmt.Fprintln(p.Out, line+joinWords(f.Name, f.Message))
	if f.Fix != "" {
		fmt.Fprintln(p.Out, "    "+f.Fix)
	}
}

// findingsOf reads what the controller found of each host: its conditions, then its preflight.
func findingsOf(ctx context.Context, c client.Client, st *stack) ([]finding, error) {
	findings := []finding{}
	for _, s := range st.sets {
		if !s.given {
			findings = append(findings, finding{Host: s.name(), Name: "host", Message: s.absence + ", and services refer to it"})
			continue
		}
		for _, condition := range s.host.Status.Conditions {
			if condition.Type == v1alpha1.ConditionReady {
				findings = append(findings, finding{Host: s.name(), Name: "connection", OK: condition.Status == metav1.ConditionTrue, Message: condition.Message})
			}
		}
		if exec := meta.FindStatusCondition(s.host.Status.Conditions, "ExecReady"); exec != nil {
			findings = append(findings, finding{Host: s.name(), Name: "commands in containers", OK: exec.Status == metav1.ConditionTrue || s.needsNoExec(exec), Message: exec.Message})
		}
		preflight, err := preflightOf(ctx, c, s.host)
		if err != nil {
			return nil, err
		}
		findings = append(findings, preflight...)
	}
	return findings, nil
}

// needsNoExec is whether commands in containers are not set up, and nothing is amiss, since no service needs them.
func (s *set) needsNoExec(exec *metav1.Condition) bool {
	return exec.Reason == v1alpha1.ReasonExecNotConfigured && !slices.ContainsFunc(s.services, func(svc v1alpha1.NixMoxService) bool {
		return desired.Enabled(&svc) && checkup.NeedsExec(&svc)
	})
}

// preflightOf reads status.preflight as it is: this program may be older than the controller.
func preflightOf(ctx context.Context, c client.Client, host *v1alpha1.NixMoxHost) ([]finding, error) {
	o := &unstructured.Unstructured{}
	o.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("NixMoxHost"))
	if err := c.Get(ctx, client.ObjectKeyFromObject(host), o); err != nil {
		return nil, fmt.Errorf("read host %s: %w", host.Name, err)
	}
	var status struct{ Preflight []finding }
	if content, ok := o.Object["status"].(map[string]any); ok && content["preflight"] != nil {
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(map[string]any{"Preflight": content["preflight"]}, &status); err != nil {
			return nil, fmt.Errorf("read status.preflight of host %s: %w", host.Name, err)
		}
	}
	for i := range status.Preflight {
		status.Preflight[i].Host = host.Namespace + "/" + host.Name
	}
	return status.Preflight, nil
}

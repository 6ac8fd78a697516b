package cli

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/desired"
)

// healthReport is what `health -o json` prints.
type healthReport struct {
	Service string        `json:"service"`
	Healthy bool          `json:"healthy"`
	State   string        `json:"state"`
	Health  string        `json:"health"`
	Message string        `json:"message"`
	Checks  []healthLayer `json:"checks,omitempty"`
}

// healthLayer is one layer of a comprehensive check, as status.checks has it.
type healthLayer struct {
	Name    string `json:"name"`
	Check   string `json:"check"`
	Result  string `json:"result"`
	Message string `json:"message,omitempty"`
}

type healthOptions struct {
	out           output
	comprehensive bool
	watch         bool
	timeout       time.Duration
}

func (p *program) healthCommand() *cobra.Command {
	var opts healthOptions
	c := &cobra.Command{
		Use:   "health [SERVICE...]",
		Short: "Have services checked now, and say what was found",
		Long: `Have the controller look at services now, without a name at all that are enabled in the namespace, and say what their health checks
found; with --comprehensive layer by layer, of services whose spec.health.comprehensive is true. With --watch it stays and says when a
verdict changes.

Exit code 1 if a service is not healthy.`,
		RunE: func(c *cobra.Command, args []string) error {
			if opts.watch {
				return p.watchHealth(c.Context(), args, &opts)
			}
			return p.health(c.Context(), args, &opts)
		},
		ValidArgsFunction: p.completeServices(&source{}),
	}
	f := c.Flags()
	f.BoolVar(&opts.comprehensive, "comprehensive", false, "each layer's check and result")
	f.BoolVarP(&opts.watch, "watch", "w", false, "stay, and say when a verdict changes")
	f.DurationVar(&opts.timeout, "timeout", time.Minute, "how long the controller may take")
	opts.out.addFlag(c, "text")
	return c
}

func (p *program) health(ctx context.Context, names []string, opts *healthOptions) error {
	c, err := p.client()
	if err != nil {
		return err
	}
	services, err := p.chosen(ctx, c, names)
	if err != nil {
		return err
	}
	now := time.Now().UTC().Format(time.RFC3339Nano)
	ask := act{use: "check", patch: func(*v1alpha1.NixMoxService, string) (map[string]any, string, error) {
		return annotate(v1alpha1.RequestedAtAnnotation, now), "", nil
	}}
	if len(names) == 0 {
		services = slices.DeleteFunc(services, func(s v1alpha1.NixMoxService) bool { return !desired.Enabled(&s) })
	}
	for i := range services {
		if _, err := p.patch(ctx, c, ask, &services[i], now); err != nil {
			return err
		}
	}
	reports, ill := []healthReport{}, false
	for i := range services {
		svc := &services[i]
		if err := waitFor(ctx, c, svc, opts.timeout, func(s *v1alpha1.NixMoxService) bool { return s.Status.LastHandledReconcileAt == now }); err != nil {
			return err
		}
		report, err := healthOf(ctx, c, svc)
		if err != nil {
			return err
		}
		reports, ill = append(reports, report), ill || !report.Healthy
	}
	printed, err := p.structured(opts.out, reports)
	if err != nil {
		return err
	}
	if !printed {
		for _, r := range reports {
			p.printHealth(r, opts.comprehensive)
		}
	}
	if ill {
		return exitCode(ExitProblem)
	}
	return nil
}

func (p *program) printHealth(r healthReport, comprehensive bool) {
	sign, colour := "✘", red
	if r.Healthy {
		sign, colour = "✔", green
	}
	verdict := r.Health
	if verdict == "" {
		verdict = r.State
	}
	fmt.Fprintf(p.Out, "%s %s: %s\n", p.paint(colour, sign), r.Service, joinWords(verdict, r.Message))
	if !comprehensive {
		return
	}
	if len(r.Checks) == 0 {
		fmt.Fprintln(p.Out, "    no layers: spec.health.comprehensive is not set, or nothing is known of this service")
	}
	for _, l := range r.Checks {
		fmt.Fprintf(p.Out, "    %-10s %-7s %s  %s\n", l.Name, l.Result, l.Check, l.Message)
	}
}

func joinWords(verdict, message string) string {
	if message == "" {
		return verdict
	}
	return verdict + " (" + message + ")"
}

// healthOf reads a service's health from its status.
func healthOf(ctx context.Context, c client.Client, svc *v1alpha1.NixMoxService) (healthReport, error) {
	r := healthReport{Service: svc.Name, State: svc.Status.State, Health: svc.Status.Health, Message: readyOf(svc).Message}
	if healthy := meta.FindStatusCondition(svc.Status.Conditions, v1alpha1.ConditionHealthy); healthy != nil {
		r.Healthy, r.Message = healthy.Status == metav1.ConditionTrue, healthy.Message
	}
	// Layers are read as they are: this program may be older than the controller.
	o := &unstructured.Unstructured{}
	o.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("NixMoxService"))
	if err := c.Get(ctx, client.ObjectKeyFromObject(svc), o); err != nil {
		return r, fmt.Errorf("read service %s: %w", svc.Name, err)
	}
	var status struct{ Checks []healthLayer }
	if content, ok := o.Object["status"].(map[string]any); ok {
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(map[string]any{"Checks": content["checks"]}, &status); err != nil {
			return r, fmt.Errorf("read status.checks of service %s: %w", svc.Name, err)
		}
	}
	r.Checks = status.Checks
	return r, nil
}

func (p *program) watchHealth(ctx context.Context, names []string, opts *healthOptions) error {
	c, err := p.client()
	if err != nil {
		return err
	}
	namespace, err := p.namespace()
	if err != nil {
		return err
	}
	told := map[string]string{}
	return follow(ctx, c, namespace, func() (bool, error) {
		services, err := p.chosen(ctx, c, names)
		if err != nil {
			return false, err
		}
		for i := range services {
			r, err := healthOf(ctx, c, &services[i])
			if err != nil {
				return false, err
			}
			if now := fmt.Sprint(r); told[r.Service] != now {
				told[r.Service] = now
				fmt.Fprint(p.Out, time.Now().Format("15:04:05 "))
				p.printHealth(r, opts.comprehensive)
			}
		}
		return false, nil
	})
}

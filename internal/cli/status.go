package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/view"
)

// serviceState is a service as `status -o json` tells it.
type serviceState struct {
	Namespace  string   `json:"namespace"`
	Name       string   `json:"name"`
	Phase      int32    `json:"phase"`
	Ready      bool     `json:"ready"`
	State      string   `json:"state"`
	Health     string   `json:"health,omitempty"`
	Reason     string   `json:"reason"`
	Message    string   `json:"message"`
	WaitingFor []string `json:"waitingFor,omitempty"`
	VMID       int32    `json:"vmid,omitempty"`
	Node       string   `json:"node,omitempty"`
	Plan       []string `json:"plan,omitempty"`
}

type statusOptions struct {
	from       source
	out        output
	watch      bool
	untilReady bool
}

func (p *program) statusCommand() *cobra.Command {
	var opts statusOptions
	c := &cobra.Command{
		Use:   "status [--watch]",
		Short: "Show the stack phase by phase: what runs, what is done, what waits for what and why",
		Long: `Show the stack phase by phase: what runs, what is being done, what waits for what and why. With --watch it is redrawn in place whenever
something changes; where the output is no terminal, each change is a line.

Exit code 1 if a service is not ready (without --watch).`,
		Args: none,
		RunE: func(c *cobra.Command, _ []string) error {
			if opts.watch || opts.untilReady {
				return p.watchStatus(c.Context(), &opts)
			}
			return p.status(c.Context(), &opts)
		},
	}
	f := c.Flags()
	f.BoolVarP(&opts.from.allNamespaces, "all-namespaces", "A", false, "the stacks of all namespaces")
	f.BoolVarP(&opts.watch, "watch", "w", false, "stay, and show what changes")
	f.BoolVar(&opts.untilReady, "until-ready", false, "like --watch, until all services are ready")
	opts.out.addFlag(c, "tree")
	return c
}

func (p *program) status(ctx context.Context, opts *statusOptions) error {
	st, err := p.fromCluster(ctx, &opts.from)
	if err != nil {
		return err
	}
	states, ready := statesOf(st)
	printed, err := p.structured(opts.out, states)
	if err != nil {
		return err
	}
	if !printed {
		fmt.Fprintln(p.Out, strings.Join(p.frame(st, 0), "\n"))
	}
	if !ready {
		return exitCode(ExitProblem)
	}
	return nil
}

func statesOf(st *stack) (states []serviceState, ready bool) {
	states, ready = []serviceState{}, true
	for _, s := range st.sets {
		for i := range s.services {
			svc := &s.services[i]
			c := readyOf(svc)
			states = append(states, serviceState{
				Namespace: svc.Namespace, Name: svc.Name, Phase: svc.Status.Phase, Ready: c.Status == metav1.ConditionTrue, State: svc.Status.State,
				Health: svc.Status.Health, Reason: c.Reason, Message: c.Message, WaitingFor: svc.Status.WaitingFor, VMID: svc.Status.VMID,
				Node: svc.Status.Node, Plan: svc.Status.Plan,
			})
			ready = ready && c.Status == metav1.ConditionTrue && svc.Status.ObservedGeneration == svc.Generation
		}
	}
	return states, ready
}

// readyOf is the Ready condition, or an empty one.
func readyOf(svc *v1alpha1.NixMoxService) metav1.Condition {
	if c := meta.FindStatusCondition(svc.Status.Conditions, v1alpha1.ConditionReady); c != nil {
		return *c
	}
	return metav1.Condition{}
}

// frame is the stack as a picture; of several hosts one below the other.
func (p *program) frame(st *stack, elapsed time.Duration) []string {
	width, _ := p.terminal()
	var lines []string
	for _, s := range st.sets {
		if len(st.sets) > 1 {
			lines = append(lines, p.paint(bold, s.name()))
		}
		lines = append(lines, view.Frame(s.host, s.services, elapsed, width, p.colour())...)
		lines = append(lines, p.hostTrouble(s)...)
	}
	return lines
}

// hostTrouble says why a host cannot be worked with.
func (p *program) hostTrouble(s *set) []string {
	if !s.given {
		return []string{p.paint(red, "✘ "+s.absence)}
	}
	if c := meta.FindStatusCondition(s.host.Status.Conditions, v1alpha1.ConditionReady); c != nil && c.Status != metav1.ConditionTrue {
		return []string{p.paint(red, fmt.Sprintf("✘ host %s: %s", s.host.Name, c.Message))}
	}
	return nil
}

func (p *program) watchStatus(ctx context.Context, opts *statusOptions) error {
	c, err := p.client()
	if err != nil {
		return err
	}
	namespace := ""
	if !opts.from.allNamespaces {
		if namespace, err = p.namespace(); err != nil {
			return err
		}
	}
	began := time.Now()
	_, terminal := p.terminal()
	screen, told := view.NewScreen(p.Out), map[string]string{}
	return follow(ctx, c, namespace, func() (bool, error) {
		st, err := readStack(ctx, c, namespace)
		if err != nil {
			return false, err
		}
		if terminal {
			screen.Draw(p.frame(st, time.Since(began)))
		} else {
			p.tellChanges(st, told, time.Since(began))
		}
		_, ready := statesOf(st)
		return ready && opts.untilReady, nil
	})
}

// tellChanges prints a line for each service that changed.
func (p *program) tellChanges(st *stack, told map[string]string, elapsed time.Duration) {
	states, _ := statesOf(st)
	ready := 0
	for _, s := range states {
		if s.Ready {
			ready++
		}
	}
	for _, s := range states {
		key, now := s.Namespace+"/"+s.Name, s.State+" "+s.Message
		if told[key] != now {
			told[key] = now
			fmt.Fprintf(p.Out, "%6.1fs  %2d/%d ready  %-12s %-9s %s\n", elapsed.Seconds(), ready, len(states), s.Name, s.State, s.Message)
		}
	}
}

// pace bounds how often a picture is drawn, and how long it may be without news: a clock in it moves on.
const (
	pace  = 100 * time.Millisecond
	pulse = time.Second
)

// follow calls look at once, whenever a service or a host changed, and now and then, until it is done or the context ends.
func follow(ctx context.Context, c client.WithWatch, namespace string, look func() (done bool, err error)) error {
	changed := make(chan struct{}, 1)
	for _, list := range []client.ObjectList{&v1alpha1.NixMoxServiceList{}, &v1alpha1.NixMoxHostList{}} {
		w, err := c.Watch(ctx, list, client.InNamespace(namespace))
		if err != nil {
			return fmt.Errorf("watch the cluster: %w", err)
		}
		defer w.Stop()
		go forward(w, changed)
	}
	beat := time.NewTicker(pulse)
	defer beat.Stop()
	for {
		done, err := look()
		if ctx.Err() != nil {
			return nil //nolint:nilerr // Ctrl-C is how watching ends
		}
		if done || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
			time.Sleep(pace)
		case <-beat.C:
		}
	}
}

// forward tells that something changed. A watch that the server ends is no harm: the beat goes on.
func forward(w watch.Interface, changed chan<- struct{}) {
	for range w.ResultChan() {
		select {
		case changed <- struct{}{}:
		default:
		}
	}
}

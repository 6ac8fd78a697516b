package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
)

// fieldManager owns the fields that the commands write.
const fieldManager = "kubectl-nixmox"

// recreateAnnotation asks for a container that is gone to be made anew; its value is the container's VMID.
const recreateAnnotation = "nixmox.dev/recreate"

// act is a command that changes something about objects: an annotation, or a field of the spec. Proxmox is the controller's business.
type act struct {
	use, short, long string
	// patch is a merge patch for the service, and what to say about it.
	patch func(svc *v1alpha1.NixMoxService, now string) (patch map[string]any, said string, err error)
	// handled is whether the controller has acted on it; nil: there is nothing to wait for.
	handled func(svc *v1alpha1.NixMoxService, now string) bool
	// flags adds some of its own.
	flags func(*pflag.FlagSet)
}

func (p *program) actCommands() []*cobra.Command {
	var all []*cobra.Command
	for _, a := range []act{
		{use: "reconcile", short: "Have the controller look at services now",
			long: "Have the controller look at services now, also where it waits after a failure, by the annotation that Flux uses.",
			patch: func(_ *v1alpha1.NixMoxService, now string) (map[string]any, string, error) {
				return annotate(v1alpha1.RequestedAtAnnotation, now), "reconcile asked for", nil
			},
			handled: func(svc *v1alpha1.NixMoxService, now string) bool { return svc.Status.LastHandledReconcileAt == now }},
		{use: "suspend", short: "Keep the controller from changing anything about services",
			long: "Keep the controller from changing anything about services; it still observes and reports. resume ends it.",
			patch: func(svc *v1alpha1.NixMoxService, _ string) (map[string]any, string, error) {
				return suspend(true), unless(svc.Spec.Suspend, "suspended already", "suspended"), nil
			}},
		{use: "resume", short: "Let the controller go on with suspended services",
			patch: func(svc *v1alpha1.NixMoxService, _ string) (map[string]any, string, error) {
				return suspend(false), unless(!svc.Spec.Suspend, "was not suspended", "resumed"), nil
			}},
		{use: "start", short: "Have containers started that were left stopped",
			long: "Have containers started that were left stopped: a person stopped them, or restartPolicy is never.",
			patch: func(svc *v1alpha1.NixMoxService, now string) (map[string]any, string, error) {
				if svc.Spec.Enable != nil && !*svc.Spec.Enable {
					return nil, "", fmt.Errorf("service %s is disabled: set spec.enable: true", svc.Name)
				}
				return annotate(v1alpha1.StartAnnotation, now), "start asked for", nil
			}},
		{use: "recreate", short: "Have containers that are gone made anew, empty",
			long: "Have containers that somebody destroyed made anew, empty, under the same number. Their data is gone: restore a backup under that number first, if there is one.",
			patch: func(svc *v1alpha1.NixMoxService, _ string) (map[string]any, string, error) {
				ready := readyOf(svc)
				if svc.Status.VMID == 0 || ready.Reason != v1alpha1.ReasonContainerGone {
					return nil, "", fmt.Errorf("the container of service %s is not gone (%s: %s), and nothing is made anew", svc.Name, ready.Reason, ready.Message)
				}
				return annotate(recreateAnnotation, fmt.Sprint(svc.Status.VMID)), fmt.Sprintf("container %d is to be made anew, empty", svc.Status.VMID), nil
			}},
		migrateAct(),
	} {
		all = append(all, p.actCommand(a))
	}
	return all
}

type actOptions struct {
	all     bool
	wait    bool
	timeout time.Duration
}

func (p *program) actCommand(a act) *cobra.Command {
	var opts actOptions
	c := &cobra.Command{
		Use:   a.use + " (SERVICE... | --all)",
		Short: a.short,
		Long:  a.long,
		RunE: func(c *cobra.Command, args []string) error {
			if (len(args) == 0) != opts.all {
				return fmt.Errorf("name the services, or give --all")
			}
			return p.act(c.Context(), a, args, &opts)
		},
		ValidArgsFunction: p.completeServices(&source{}),
	}
	f := c.Flags()
	if a.flags != nil {
		a.flags(f)
	}
	f.BoolVar(&opts.all, "all", false, "all services of the namespace")
	if a.handled != nil {
		f.BoolVar(&opts.wait, "wait", false, "wait until the controller has done it")
		f.DurationVar(&opts.timeout, "timeout", time.Minute, "how long to wait")
	}
	return c
}

func (p *program) act(ctx context.Context, a act, names []string, opts *actOptions) error {
	c, err := p.client()
	if err != nil {
		return err
	}
	services, err := p.chosen(ctx, c, names)
	if err != nil {
		return err
	}
	now := time.Now().UTC().Format(time.RFC3339Nano)
	var failed problems
	for i := range services {
		svc := &services[i]
		said, err := p.patch(ctx, c, a, svc, now)
		if err == nil && opts.wait {
			err = waitFor(ctx, c, svc, opts.timeout, func(svc *v1alpha1.NixMoxService) bool { return a.handled(svc, now) })
			said += ", and done"
		}
		if err != nil {
			failed = append(failed, problem{Message: err.Error()})
			continue
		}
		fmt.Fprintf(p.Out, "%s: %s\n", svc.Name, said)
	}
	return failed.orNil()
}

// chosen are the named services of the namespace, or all of them.
func (p *program) chosen(ctx context.Context, c client.Client, names []string) ([]v1alpha1.NixMoxService, error) {
	namespace, err := p.namespace()
	if err != nil {
		return nil, err
	}
	st, err := readObjects(ctx, c, namespace)
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		if len(st.services) == 0 {
			return nil, fmt.Errorf("there are no services in namespace %s", namespace)
		}
		return st.services, nil
	}
	st.group()
	var services []v1alpha1.NixMoxService
	for _, name := range names {
		s, k, err := st.find(name)
		if err != nil {
			return nil, err
		}
		services = append(services, *s.service(k))
	}
	return services, nil
}

func (p *program) patch(ctx context.Context, c client.Client, a act, svc *v1alpha1.NixMoxService, now string) (said string, err error) {
	content, said, err := a.patch(svc, now)
	if err != nil {
		return "", err
	}
	data, err := json.Marshal(content)
	if err != nil {
		return "", err
	}
	if err := c.Patch(ctx, svc, client.RawPatch(types.MergePatchType, data), client.FieldOwner(fieldManager)); err != nil {
		return "", fmt.Errorf("%s service %s: %w", a.use, svc.Name, err)
	}
	return said, nil
}

// waitFor looks at a service until something is so.
func waitFor(ctx context.Context, c client.Client, svc *v1alpha1.NixMoxService, timeout time.Duration, so func(*v1alpha1.NixMoxService) bool) error {
	err := wait.PollUntilContextTimeout(ctx, 200*time.Millisecond, timeout, true, func(ctx context.Context) (bool, error) {
		if err := c.Get(ctx, client.ObjectKeyFromObject(svc), svc); err != nil {
			return false, err
		}
		return so(svc), nil
	})
	if err != nil {
		return fmt.Errorf("service %s: the controller did not act within %s (does it run?): %w", svc.Name, timeout, err)
	}
	return nil
}

func annotate(key, value string) map[string]any {
	return map[string]any{"metadata": map[string]any{"annotations": map[string]any{key: value}}}
}

func suspend(on bool) map[string]any {
	return map[string]any{"spec": map[string]any{"suspend": on}}
}

func unless(already bool, yes, no string) string {
	if already {
		return yes
	}
	return no
}

package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/adopt"
	"github.com/nixmox/nixmox-controller/internal/nixmox"
	"github.com/nixmox/nixmox-controller/internal/schema"
	"github.com/nixmox/nixmox-controller/internal/topology"
)

// writeAdoptions writes the manifests of the chosen guests: all, or none and what is wrong with each.
func (p *program) writeAdoptions(ctx context.Context, s *survey, opts *adoptOptions, args []string) error {
	if opts.out != "" {
		return errors.New("manifests are written as YAML: leave -o out, or the numbers")
	}
	chosen, found := s.choose(args)
	if len(found) > 0 {
		return found
	}
	var objects []nixmox.Object
	var services []v1alpha1.NixMoxService
	var missing []string
	for _, c := range chosen {
		config, err := s.pve.Config(ctx, c.Node, c.guest.VMID)
		if err != nil {
			return fmt.Errorf("read container %d: %w", c.VMID, err)
		}
		c.guest.LXC = config.LXC
		svc, notes, err := s.adoption(c.guest, services)
		if err != nil {
			return err
		}
		object, err := asObject(ctx, svc, notes)
		if err != nil {
			return err
		}
		objects, services = append(objects, object), append(services, *svc)
		if !adopt.Allowed(s.host.Spec.Policy.AdoptableVMIDs, c.guest.VMID) {
			missing = append(missing, strconv.Quote(strconv.Itoa(c.VMID)))
		}
	}
	for _, message := range s.troubles(services) {
		p.warn("applied, they are held back: %s", message)
	}
	if len(missing) > 0 {
		p.warn("host %s does not allow it yet: add to its spec.policy.adoptableVMIDs: %s", s.host.Name, strings.Join(missing, ", "))
	}
	return p.printObjects(opts.dir, objects)
}

// choose finds the guests of these numbers. Of each that cannot be adopted it says why not.
func (s *survey) choose(args []string) (chosen []candidate, found problems) {
	for i, arg := range args {
		at := slices.IndexFunc(s.guests, func(c candidate) bool { return strconv.Itoa(c.VMID) == arg })
		switch {
		case slices.Contains(args[:i], arg):
		case at < 0:
			found = append(found, problem{Message: fmt.Sprintf("there is no guest %q on the Proxmox of host %s", arg, s.host.Name)})
		case s.guests[at].WhyNot != "":
			found = append(found, problem{Message: fmt.Sprintf("%s cannot be adopted: %s", arg, oneLine(s.guests[at].WhyNot))})
		default:
			chosen = append(chosen, s.guests[at])
		}
	}
	return chosen, found
}

// adoption is the service for one container, and what is to be known about it. beside are those of the same call.
func (s *survey) adoption(g adopt.Guest, beside []v1alpha1.NixMoxService) (*v1alpha1.NixMoxService, []string, error) {
	svc, notes := adopt.Service(s.host, g)
	svc.Namespace = s.host.Namespace
	if slices.ContainsFunc(slices.Concat(s.services, beside), func(other v1alpha1.NixMoxService) bool {
		return other.Namespace == svc.Namespace && other.Name == svc.Name
	}) {
		svc.Name = fmt.Sprintf("%s-%d", svc.Name, g.VMID)
	}
	steps, err := adopt.Plan(s.host, svc, g.View, g.Running())
	if err != nil {
		return nil, nil, fmt.Errorf("container %d: %w", g.VMID, err)
	}
	lines := []string{fmt.Sprintf("adopts container %d of node %s; host %s must allow it: spec.policy.adoptableVMIDs: [%q]", g.VMID, g.Node, s.host.Name, fmt.Sprint(g.VMID))}
	for _, line := range steps.Lines() {
		lines = append(lines, "applying it: "+line)
	}
	return svc, append(lines, notes...), nil
}

// asObject is the service as a manifest, which the API server must take.
func asObject(ctx context.Context, svc *v1alpha1.NixMoxService, notes []string) (nixmox.Object, error) {
	object := nixmox.Object{Kind: svc.Kind, Name: svc.Name}
	for _, note := range notes {
		object.Notes = append(object.Notes, nixmox.Note{Path: svc.Name, Text: note, Hint: true})
	}
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(svc)
	if err != nil {
		return object, fmt.Errorf("write the manifest of %s: %w", svc.Name, err)
	}
	delete(content, "status")
	object.Content = content
	judge, err := schema.Load()
	if err != nil {
		return object, err
	}
	if wrong := judge.Check(ctx, &unstructured.Unstructured{Object: runtime.DeepCopyJSON(content)}); len(wrong) > 0 {
		return object, fmt.Errorf("the container of %s cannot be written as a service: %s", svc.Name, strings.Join(wrong, "; "))
	}
	return object, nil
}

// troubles are what would be wrong with the services of the host once these are among them, and is not without them.
func (s *survey) troubles(added []v1alpha1.NixMoxService) []string {
	judged := func(services []v1alpha1.NixMoxService) (messages []string) {
		st := &stack{hosts: []v1alpha1.NixMoxHost{*s.host}}
		for i := range services {
			if topology.HostOf(&services[i]) == client.ObjectKeyFromObject(s.host) {
				st.services = append(st.services, services[i])
			}
		}
		st.group()
		for _, problem := range st.all() {
			messages = append(messages, problem.Message)
		}
		return messages
	}
	before := judged(s.services)
	return slices.DeleteFunc(judged(slices.Concat(s.services, added)), func(message string) bool { return slices.Contains(before, message) })
}

package cli

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/manifest"
	"github.com/nixmox/nixmox-controller/internal/schema"
	"github.com/nixmox/nixmox-controller/internal/topology"
)

// stack is everything that a command looks at: hosts with their services.
type stack struct {
	// sets by host, sorted.
	sets []*set
	// problems of single objects and files.
	problems problems
	// misplaced are services whose host does not allow their namespace; they are in no judgement.
	misplaced problems

	hosts    []v1alpha1.NixMoxHost
	services []v1alpha1.NixMoxService
	// unread says of hosts why they are not among them, though they may be there.
	unread map[types.NamespacedName]string
	// labels of the namespaces that are known.
	labels map[string]map[string]string
}

// set is one host with its services, judged together.
type set struct {
	host *v1alpha1.NixMoxHost
	// given is false for a host that the services name and that is not there; absence says so.
	given    bool
	absence  string
	services []v1alpha1.NixMoxService
	// allowed are those of the services that the host allows, which are judged together.
	allowed []v1alpha1.NixMoxService
	report  *manifest.Report
}

func (s *set) name() string { return s.host.Namespace + "/" + s.host.Name }

// service of the set by its key.
func (s *set) service(k manifest.Key) *v1alpha1.NixMoxService {
	for i := range s.services {
		if topology.KeyOf(&s.services[i]) == k {
			return &s.services[i]
		}
	}
	return nil
}

// add judges one object by itself and takes it.
func (st *stack) add(ctx context.Context, judge *schema.Judge, source string, o *unstructured.Unstructured) {
	object := o.GetKind() + " " + o.GetName()
	for _, message := range judge.Check(ctx, o) {
		st.problems = append(st.problems, problem{Source: source, Object: object, Message: message})
	}
	switch o.GetKind() {
	case "NixMoxHost":
		if host, err := schema.Host(o); err == nil {
			st.addHost(source, object, *host)
		}
	case "NixMoxService":
		if svc, err := schema.Service(o); err == nil {
			st.services = append(st.services, *svc)
		}
	}
}

func (st *stack) addHost(source, object string, host v1alpha1.NixMoxHost) {
	for i := range st.hosts {
		if st.hosts[i].Name == host.Name && st.hosts[i].Namespace == host.Namespace {
			st.problems = append(st.problems, problem{Source: source, Object: object, Message: "defined twice; keep one"})
			return
		}
	}
	st.hosts = append(st.hosts, host)
}

// group puts the services to their hosts and judges each set.
func (st *stack) group() {
	st.sets, st.misplaced = nil, nil
	byHost := map[types.NamespacedName]*set{}
	of := func(name types.NamespacedName) *set {
		if byHost[name] == nil {
			host := &v1alpha1.NixMoxHost{}
			host.Name, host.Namespace = name.Name, name.Namespace
			host.Spec.AllowedNamespaces.From = v1alpha1.NamespacesFromAll // whom it allows is not known
			byHost[name] = &set{host: host, absence: cmp.Or(st.unread[name], fmt.Sprintf("there is no NixMoxHost %s", name))}
			st.sets = append(st.sets, byHost[name])
		}
		return byHost[name]
	}
	for i := range st.hosts {
		s := of(types.NamespacedName{Namespace: st.hosts[i].Namespace, Name: st.hosts[i].Name})
		s.host, s.given = &st.hosts[i], true
	}
	for i := range st.services {
		svc := &st.services[i]
		s := of(topology.HostOf(svc))
		s.services = append(s.services, *svc)
		if !st.allows(s.host, svc.Namespace) {
			st.misplaced = append(st.misplaced, problem{Object: "NixMoxService " + topology.KeyOf(svc).String(), Message: fmt.Sprintf(
				"NixMoxHost %s does not allow services of namespace %s: have its spec.allowedNamespaces admit it, or name another host in spec.hostRef", s.name(), svc.Namespace)})
			continue
		}
		s.allowed = append(s.allowed, *svc)
	}
	slices.SortFunc(st.sets, func(a, b *set) int { return strings.Compare(a.name(), b.name()) })
	for _, s := range st.sets {
		s.report = topology.Validate(s.host, s.allowed)
	}
}

// allows is whether a host allows a namespace, as far as that is known: one whose labels cannot be seen is not called misplaced.
func (st *stack) allows(host *v1alpha1.NixMoxHost, namespace string) bool {
	labels, known := st.labels[namespace]
	return !known && topology.AsksForLabels(host) || topology.Allows(host, namespace, labels)
}

// label notes the labels of a namespace.
func (st *stack) label(namespace string, labels map[string]string) {
	if st.labels == nil {
		st.labels = map[string]map[string]string{}
	}
	st.labels[namespace] = labels
}

// absentHosts are hosts that services refer to and that are not there.
func (st *stack) absentHosts() []string {
	var names []string
	for _, s := range st.sets {
		if !s.given {
			names = append(names, s.name())
		}
	}
	return names
}

// all is everything that is wrong: with single objects, then with the services of each host together, a sentence for each kind of
// problem with the names of all, as NixMox says it.
func (st *stack) all() problems {
	all := slices.Concat(st.problems, st.misplaced)
	for _, s := range st.sets {
		for _, message := range s.report.Messages() {
			kind, _, _ := strings.Cut(message, ":")
			p := problem{Message: message}
			for i := range s.report.Problems {
				if strings.HasPrefix(s.report.Problems[i].Message, kind+":") {
					p.Details = append(p.Details, s.report.Problems[i].Detail)
				}
			}
			if len(st.sets) > 1 {
				p.Object = "NixMoxHost " + s.name()
			}
			all = append(all, p)
		}
	}
	return all
}

// find is the one set that has a service called name, which may be namespace/name.
func (st *stack) find(name string) (*set, manifest.Key, error) {
	var in []*set
	var keys []manifest.Key
	for _, s := range st.sets {
		for i := range s.services {
			if k := topology.KeyOf(&s.services[i]); (k.Name == name || k.String() == name) && !slices.Contains(keys, k) {
				in, keys = append(in, s), append(keys, k)
			}
		}
	}
	switch len(keys) {
	case 0:
		return nil, manifest.Key{}, fmt.Errorf("no service %q; there are: %s", name, st.names())
	case 1:
		return in[0], keys[0], nil
	}
	return nil, manifest.Key{}, fmt.Errorf("several services are called %q; write its namespace too: %s", name, joinKeys(keys))
}

func (st *stack) names() string {
	var names []string
	for _, s := range st.sets {
		for i := range s.services {
			names = append(names, s.services[i].Name)
		}
	}
	slices.Sort(names)
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(slices.Compact(names), ", ")
}

func joinKeys(keys []manifest.Key) string {
	texts := make([]string, len(keys))
	for i, k := range keys {
		texts[i] = k.String()
	}
	slices.Sort(texts)
	return strings.Join(texts, ", ")
}

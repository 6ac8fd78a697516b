package manifests

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/app"
	"github.com/nixmox/nixmox-controller/internal/pvesim"
	"github.com/nixmox/nixmox-controller/internal/pvesim/pvesimtest"
	"github.com/nixmox/nixmox-controller/test/apiserver"
)

const world = `{
  "nodes": [{"name": "pve1", "cpus": 8, "memory": 65536}],
  "storages": {"local": {"type": "dir", "content": ["rootdir", "vztmpl"]}},
  "templates": [{"volid": "local:vztmpl/nixos.tar.xz", "ostype": "nixos", "arch": "amd64", "systemd": true}],
  "bridges": {"vmbr0": {"cidr": "192.168.99.1/24"}},
  "users": {"nixmox@pve": {"acl": {"/": "Administrator"}}},
  "tokens": {"ctl": {"id": "nixmox@pve!ctl", "secret": "s3cret-s3cret", "privsep": 0}}
}`

// A container without ports and without a check is healthy once it runs, so nothing is probed.
const objects = `
{apiVersion: v1, kind: Secret, metadata: {name: pve-credentials}, stringData: {tokenID: "nixmox@pve!ctl", tokenSecret: s3cret-s3cret}}
---
{apiVersion: nixmox.dev/v1alpha1, kind: NixMoxHost, metadata: {name: default}, spec: {endpoints: [%q], credentialsRef: {name: pve-credentials},
  network: {cidr: 192.168.99.0/24}, defaults: {template: "local:vztmpl/nixos.tar.xz"}, pollInterval: 1s}}
---
{apiVersion: nixmox.dev/v1alpha1, kind: NixMoxService, metadata: {name: a}, spec: {ip: 192.168.99.11, hostname: a.lan, deletionPolicy: Delete}}
`

// spared are rights that a run as short as this one does not use.
var spared = map[string]string{
	"get nixmox.dev/nixmoxhosts":     "the cache answers; get gives no more than list",
	"get nixmox.dev/nixmoxservices":  "the cache answers; get gives no more than list",
	"list nixmox.dev/nixmoxhosts":    "a watch brings the first list where the API server can stream it; an older one is asked for it",
	"list /namespaces":               "a watch brings the first list where the API server can stream it; an older one is asked for it",
	"list nixmox.dev/nixmoxservices": "a watch brings the first list where the API server can stream it; an older one is asked for it",
	"patch events.k8s.io/events":     "counts an event that repeats",
	"patch /events":                  "counts an event that repeats",
}

// The two overlays in the order of what they grant: what the second binds stays bound.
func TestTheControllerNeedsItsRightsAndNoOthers(t *testing.T) {
	namespace(t, system)
	namespace(t, "homelab")
	calls := &calls{seen: map[string]bool{}}
	var granted []string
	for _, tc := range []struct {
		overlay    string
		namespaces []string
	}{
		{"namespaced", []string{"homelab"}},
		{"default", nil},
	} {
		t.Run(tc.overlay, func(t *testing.T) {
			granted = install(t, tc.overlay)
			cfg := asController(t)
			cfg.Wrap(calls.wrap)
			upAndDown(t, cfg, tc.namespaces)
			if refused := calls.refusals(); len(refused) > 0 {
				t.Errorf("refused for want of a right:\n%s", strings.Join(refused, "\n"))
			}
		})
	}
	for _, right := range granted {
		if !calls.made(right) && spared[right] == "" {
			t.Errorf("granted and never used: %s", right)
		}
	}
}

// install applies the rights of an overlay and says which they are, each as "verb group/resource".
func install(t *testing.T, overlay string) []string {
	t.Helper()
	var rights []*unstructured.Unstructured
	var granted []string
	for _, o := range render(t, overlay) {
		switch o.GetKind() {
		case "ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding":
			rights = append(rights, o)
		}
		if kind := o.GetKind(); (kind == "ClusterRole" || kind == "Role") && strings.HasPrefix(o.GetName(), "nixmox-controller") {
			var role rbacv1.ClusterRole
			if err := runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, &role); err != nil {
				t.Fatal(err)
			}
			for _, rule := range role.Rules {
				for _, resource := range rule.Resources {
					for _, verb := range rule.Verbs {
						granted = append(granted, verb+" "+rule.APIGroups[0]+"/"+resource)
					}
				}
			}
		}
	}
	apply(t, rights)
	return granted
}

// asController is a connection with the service account's token.
func asController(t *testing.T) *rest.Config {
	t.Helper()
	api := apiserver.Get(t)
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: system, Name: "nixmox-controller"}}
	token := &authenticationv1.TokenRequest{}
	if err := api.Client.SubResource("token").Create(t.Context(), account, token); err != nil {
		t.Fatalf("ask for a token: %v", err)
	}
	cfg := rest.AnonymousClientConfig(api.Config)
	cfg.BearerToken = token.Status.Token
	return cfg
}

// upAndDown brings one service up and deletes it again with its container, as the service account.
func upAndDown(t *testing.T, cfg *rest.Config, namespaces []string) {
	t.Helper()
	pve := pvesimtest.Start(t, pvesimtest.World(t, world), pvesim.Options{TimeScale: 20})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- app.Run(ctx, cfg, app.Options{Log: logr.Discard(), Namespaces: namespaces, NamespaceLabels: len(namespaces) == 0, LeaderElection: true, LeaderElectionNamespace: system})
	}()
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the controller ended: %v", err)
		}
	}()
	apply(t, parse(t, fmt.Sprintf(objects, pve.URL)))
	service := &v1alpha1.NixMoxService{ObjectMeta: metav1.ObjectMeta{Namespace: "homelab", Name: "a"}}
	eventually(t, service, "is ready", func(found bool) bool {
		return found && meta.IsStatusConditionTrue(service.Status.Conditions, v1alpha1.ConditionReady)
	})
	if err := apiserver.Get(t).Client.Delete(t.Context(), service); err != nil {
		t.Fatal(err)
	}
	eventually(t, service, "is gone", func(found bool) bool { return !found })
}

func parse(t *testing.T, text string) []*unstructured.Unstructured {
	t.Helper()
	var all []*unstructured.Unstructured
	for _, document := range strings.Split(text, "\n---\n") {
		o := &unstructured.Unstructured{}
		if err := yaml.Unmarshal([]byte(document), &o.Object); err != nil {
			t.Fatal(err)
		}
		o.SetNamespace("homelab")
		all = append(all, o)
	}
	return all
}

func eventually(t *testing.T, service *v1alpha1.NixMoxService, what string, ok func(found bool) bool) {
	t.Helper()
	err := wait.PollUntilContextTimeout(t.Context(), 50*time.Millisecond, 2*time.Minute, true, func(ctx context.Context) (bool, error) {
		err := apiserver.Get(t).Client.Get(ctx, client.ObjectKeyFromObject(service), service)
		return ok(err == nil), client.IgnoreNotFound(err)
	})
	if err != nil {
		status, _ := yaml.Marshal(service.Status)
		t.Errorf("not within two minutes: service %s %s\n%s", service.Name, what, status)
	}
}

// calls are the requests that a client made, as rights.
type calls struct {
	mu      sync.Mutex
	seen    map[string]bool
	refused []string
}

func (c *calls) wrap(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		response, err := next.RoundTrip(r)
		right := rightOf(r)
		c.mu.Lock()
		defer c.mu.Unlock()
		c.seen[right] = true
		if err == nil && response.StatusCode == http.StatusForbidden && !slices.Contains(c.refused, right) {
			c.refused = append(c.refused, right)
		}
		return response, err
	})
}

func (c *calls) made(right string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.seen[right]
}

func (c *calls) refusals() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.refused)
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// rightOf is the right that a request needs, by the layout of Kubernetes' paths:
// /api/v1 or /apis/GROUP/VERSION, then [/namespaces/NAMESPACE]/RESOURCE[/NAME[/SUBRESOURCE]].
func rightOf(r *http.Request) string {
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	group := ""
	switch {
	case parts[0] == "api" && len(parts) > 2:
		parts = parts[2:]
	case parts[0] == "apis" && len(parts) > 3:
		group, parts = parts[1], parts[3:]
	default:
		return r.Method + " " + r.URL.Path
	}
	if parts[0] == "namespaces" && len(parts) > 2 {
		parts = parts[2:]
	}
	resource := parts[0]
	if len(parts) > 2 {
		resource += "/" + parts[2]
	}
	verb := map[string]string{http.MethodPost: "create", http.MethodPut: "update", http.MethodPatch: "patch", http.MethodDelete: "delete"}[r.Method]
	switch {
	case verb != "":
	case r.URL.Query().Get("watch") != "":
		verb = "watch"
	case len(parts) > 1:
		verb = "get"
	default:
		verb = "list"
	}
	return verb + " " + group + "/" + resource
}

package lab

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/pvesim"
	"github.com/nixmox/nixmox-controller/internal/pvesim/calllog"
	"github.com/nixmox/nixmox-controller/test/invariants"
)

// Recorder stands between the controllers and the two servers, and watches the objects beside them.
type Recorder struct {
	sim       *pvesim.Simulator
	onVersion func(*unstructured.Unstructured)

	mu       sync.Mutex
	versions []invariants.Version
	writes   []time.Time
	calls    []invariants.Call
}

// Proxmox notes what is asked of the simulator, and what was there when it was asked.
func (r *Recorder) Proxmox(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.Method != http.MethodGet {
			call := invariants.Call{Method: req.Method, Path: strings.TrimPrefix(req.URL.Path, "/api2/json"), Params: params(req), Before: r.sim.Containers()}
			r.mu.Lock()
			call.Time = time.Now()
			r.calls = append(r.calls, call)
			r.mu.Unlock()
		}
		next.ServeHTTP(w, req)
	})
}

// params reads the form of a request and leaves it as it was.
func params(req *http.Request) map[string]string {
	body, _ := io.ReadAll(req.Body)
	req.Body = io.NopCloser(bytes.NewReader(body))
	form, _ := url.ParseQuery(string(body))
	all := map[string]string{}
	for _, values := range []url.Values{form, req.URL.Query()} {
		for key := range values {
			all[key] = values.Get(key)
		}
	}
	return all
}

// roundTripper is a function as an http.RoundTripper.
type roundTripper func(*http.Request) (*http.Response, error)

// RoundTrip calls it.
func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// API notes when the answers to writes arrive, and what the objects are then.
func (r *Recorder) API(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(req *http.Request) (*http.Response, error) {
		response, err := next.RoundTrip(req)
		if err != nil || req.Method == http.MethodGet || !strings.Contains(req.URL.Path, "/"+v1alpha1.GroupVersion.Group+"/") || response.StatusCode > 299 {
			return response, err
		}
		body, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if err != nil {
			return nil, err
		}
		response.Body = io.NopCloser(bytes.NewReader(body))
		object := &unstructured.Unstructured{}
		known := object.UnmarshalJSON(body) == nil
		r.mu.Lock()
		defer r.mu.Unlock()
		now := time.Now()
		r.writes = append(r.writes, now)
		if known {
			r.versions = append(r.versions, invariants.Version{Time: now, Exact: true, Object: object})
		}
		return response, nil
	})
}

// watch follows hosts and services of a namespace until the returned function is called.
func (r *Recorder) watch(config *rest.Config, c client.Client, namespace string) (stop func(), err error) {
	watching, err := client.NewWithWatch(config, client.Options{Scheme: c.Scheme()})
	if err != nil {
		return nil, err
	}
	var done sync.WaitGroup
	var watches []watch.Interface
	stop = func() {
		for _, w := range watches {
			w.Stop()
		}
		done.Wait()
	}
	for _, kind := range []string{"NixMoxHost", "NixMoxService"} {
		list := &unstructured.UnstructuredList{}
		list.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind(kind + "List"))
		w, err := watching.Watch(context.Background(), list, client.InNamespace(namespace))
		if err != nil {
			stop()
			return nil, err
		}
		watches = append(watches, w)
		done.Go(func() {
			for e := range w.ResultChan() {
				r.take(e)
			}
		})
	}
	return stop, nil
}

func (r *Recorder) take(e watch.Event) {
	u, ok := e.Object.(*unstructured.Unstructured)
	if !ok || u.GetResourceVersion() == "" {
		return
	}
	r.mu.Lock()
	r.versions = append(r.versions, invariants.Version{Time: time.Now(), Deleted: e.Type == watch.Deleted, Object: u})
	r.mu.Unlock()
	if r.onVersion != nil && e.Type != watch.Deleted {
		r.onVersion(u)
	}
}

// record is what was seen so far.
func (r *Recorder) record() *invariants.Record {
	r.mu.Lock()
	defer r.mu.Unlock()
	return &invariants.Record{
		Versions: append([]invariants.Version{}, r.versions...), Writes: append([]time.Time{}, r.writes...), Calls: append([]invariants.Call{}, r.calls...),
	}
}

// Watcher is a recorder of what runs elsewhere: it sees the objects, and asks the simulator and its log for the rest.
type Watcher struct {
	recorder  *Recorder
	client    client.Client
	namespace string
	stop      func()
}

// Watch follows hosts and services of a namespace until Stop.
func Watch(config *rest.Config, c client.Client, namespace string) (*Watcher, error) {
	w := &Watcher{recorder: &Recorder{}, client: c, namespace: namespace}
	var err error
	w.stop, err = w.recorder.watch(config, c, namespace)
	return w, err
}

// Stop ends the watch.
func (w *Watcher) Stop() { w.stop() }

// Broken asks the oracle. control is the simulator's control endpoint.
func (w *Watcher) Broken(ctx context.Context, control, token string, log []calllog.Entry) []error {
	r := w.recorder.record()
	r.Instance, r.Token, r.Log, r.Writes, r.Calls = instance, token, log, nil, nil
	var err error
	if r.Containers, err = Containers(ctx, control); err != nil {
		return []error{err}
	}
	for _, c := range r.Containers {
		r.Volumes = append(r.Volumes, invariants.VolumesOf(c)...) // the control endpoint does not list those that nobody has
	}
	if r.Services, err = servicesIn(ctx, w.client, w.namespace); err != nil {
		return []error{err}
	}
	return invariants.Check(r)
}

// Containers asks a simulator what it has.
func Containers(ctx context.Context, control string) ([]pvesim.Container, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, control+"/containers", strings.NewReader("{}"))
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, fmt.Errorf("ask for the containers: %w", err)
	}
	defer response.Body.Close()
	var containers []pvesim.Container
	if err := json.NewDecoder(response.Body).Decode(&containers); err != nil {
		return nil, fmt.Errorf("read the containers: %w", err)
	}
	return containers, nil
}

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/nixmox/nixmox-controller/internal/app"
	"github.com/nixmox/nixmox-controller/internal/demo"
	"github.com/nixmox/nixmox-controller/internal/pvesim"
	"github.com/nixmox/nixmox-controller/internal/pvesim/calllog"
)

// lab is what runs: a Kubernetes API and the controller, each a process, and the simulators of all scenes, in this one.
type lab struct {
	dir, bin, kubeconfig, profiles string
	api                            *demo.Process
	client                         client.WithWatch
	// applying is how many scenes are creating their services; starting is held by the one whose roll-out begins next.
	applying atomic.Int32
	starting sync.Mutex
	worlds   atomic.Int32

	mu         sync.Mutex
	controller *demo.Process
	log        *os.File
	probes     string
	pprof      string
	scenes     []*scene
}

func startLab(ctx context.Context, bin, profiles string) (*lab, error) {
	dir, err := os.MkdirTemp("", "nixmox-bench-")
	if err != nil {
		return nil, err
	}
	l := &lab{dir: dir, bin: bin, kubeconfig: filepath.Join(dir, "kubeconfig"), profiles: profiles}
	logs := dir
	if profiles != "" {
		logs = profiles
	}
	if err := os.MkdirAll(logs, 0o750); err != nil {
		return nil, err
	}
	if l.log, err = os.Create(filepath.Join(logs, "log")); err != nil {
		return nil, err
	}
	fmt.Fprintln(os.Stderr, "starting the Kubernetes API; logs are in", logs)
	// A cluster's API server has a machine of its own. Here it shares two cores with all else, and would spend a third of its time on collecting
	// garbage.
	l.api, err = demo.StartProcess(ctx, l.log, true, "env", "GOGC=400", filepath.Join(bin, "nixmox"), "up", "--no-controller",
		"--data-dir", filepath.Join(dir, "data"), "--listen", "127.0.0.1:0", "--kubeconfig", l.kubeconfig)
	if err != nil {
		return nil, err
	}
	cfg, err := clientcmd.BuildConfigFromFlags("", l.kubeconfig)
	if err != nil {
		return nil, errors.Join(err, l.stop())
	}
	cfg.QPS = -1
	scheme, err := app.Scheme()
	if err == nil {
		l.client, err = client.NewWithWatch(cfg, client.Options{Scheme: scheme})
	}
	if err == nil {
		err = l.startController(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, l.stop())
	}
	return l, nil
}

// startController starts the controller and waits until it has read the objects.
func (l *lab) startController(ctx context.Context) error {
	probes, err := freeAddress()
	if err != nil {
		return err
	}
	args := []string{"--kubeconfig", l.kubeconfig, "--health-probe-bind-address", probes, "--zap-time-encoding=rfc3339nano", "--development-address-map", addressMap}
	pprof := ""
	if l.profiles != "" {
		if pprof, err = freeAddress(); err != nil {
			return err
		}
		args = append(args, "--pprof-bind-address", pprof)
	}
	p, err := demo.StartProcess(ctx, l.log, false, filepath.Join(l.bin, "controller"), args...)
	if err != nil {
		return err
	}
	l.mu.Lock()
	l.controller, l.probes, l.pprof = p, probes, pprof
	l.mu.Unlock()
	return until(ctx, 2*time.Minute, "the controller is ready", func() (bool, error) { return l.readyz(ctx) })
}

func freeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return listener.Addr().String(), listener.Close()
}

func (l *lab) readyz(ctx context.Context) (bool, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+l.probes+"/readyz", nil)
	if err != nil {
		return false, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false, nil //nolint:nilerr // nobody listens yet
	}
	return response.StatusCode == http.StatusOK, response.Body.Close()
}

func (l *lab) stopController() error {
	l.mu.Lock()
	p := l.controller
	l.controller = nil
	l.mu.Unlock()
	if p == nil {
		return nil
	}
	return p.Stop(20 * time.Second)
}

func (l *lab) stop() error {
	err := l.stopController()
	for _, s := range l.scenes {
		s.close()
	}
	if l.api != nil {
		err = errors.Join(err, l.api.Stop(20*time.Second))
	}
	if err == nil {
		err = os.RemoveAll(l.dir)
	}
	return err
}

// scene is one simulated Proxmox with its namespace.
type scene struct {
	shape     shape
	lab       *lab
	number    int
	namespace string
	sim       *pvesim.Simulator
	server    *http.Server
	endpoint  string
	log       callLog
	// stamped is a scene that was not rolled out: its services were up from the start.
	stamped bool
}

func (l *lab) scene(ctx context.Context, s shape) (*scene, error) {
	c, err := l.space(ctx, s)
	if err != nil {
		return nil, err
	}
	return c, c.serve(s.world(c.number))
}

// space is a scene's namespace; its Proxmox is not there yet.
func (l *lab) space(ctx context.Context, s shape) (*scene, error) {
	c := &scene{shape: s, lab: l, number: int(l.worlds.Add(1))}
	c.namespace = fmt.Sprintf("bench-%d", c.number)
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: c.namespace}}
	if err := l.client.Create(ctx, namespace); err != nil {
		return nil, err
	}
	return c, l.client.Create(ctx, secret(c.namespace))
}

// serve starts the simulator.
func (c *scene) serve(world *pvesim.World) error {
	var err error
	if c.sim, err = pvesim.New(world, pvesim.Options{CallLog: &c.log}); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	c.endpoint = "http://" + listener.Addr().String()
	c.server = &http.Server{Handler: c.sim.Handler(), ReadHeaderTimeout: time.Minute}
	go func() { _ = c.server.Serve(listener) }() // ends with close
	c.lab.mu.Lock()
	defer c.lab.mu.Unlock()
	c.lab.scenes = append(c.lab.scenes, c)
	return nil
}

func (c *scene) close() {
	if c.server != nil {
		c.sim.Close()
		_ = c.server.Close() // nobody waits for its answers any more
		c.server = nil
	}
}

// callLog keeps the simulator's log.
type callLog struct {
	mu   sync.Mutex
	data bytes.Buffer
}

// Write takes in a line.
func (l *callLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.data.Write(p)
}

func (l *callLog) entries() ([]calllog.Entry, error) {
	l.mu.Lock()
	data := bytes.Clone(l.data.Bytes())
	l.mu.Unlock()
	return calllog.Read(bytes.NewReader(data))
}

// calls counts the calls between two times by what they are.
func (l *callLog) calls(from, to time.Time) (int, map[string]int, error) {
	entries, err := l.entries()
	kinds := map[string]int{}
	n := 0
	for _, e := range entries {
		if e.Kind == calllog.KindCall && !e.Time.Before(from) && e.Time.Before(to) {
			n++
			kinds[kindOf(e)]++
		}
	}
	return n, kinds, err
}

func kindOf(e calllog.Entry) string {
	switch last := e.Path[strings.LastIndex(e.Path, "/")+1:]; {
	case e.Method == http.MethodPost && last == "lxc":
		return "create"
	case e.Method == http.MethodPost && last == "start":
		return "start"
	case e.Method == http.MethodGet && (last == "pending" || last == "config"):
		return "configuration"
	case e.Method == http.MethodGet && last == "tasks":
		return "task list"
	case e.Method == http.MethodGet && strings.Contains(e.Path, "/tasks/"):
		return "task"
	case e.Method == http.MethodGet && last == "resources":
		return "resource list"
	default:
		return e.Method + " " + last
	}
}

// usage is what a process has used so far.
type usage struct {
	cpu time.Duration
	rss float64 // MiB
}

func usageOf(pid int) (usage, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return usage{}, err
	}
	// The name stands in parentheses and may hold spaces; utime and stime are the 14th and 15th field, in hundredths of a second.
	_, rest, _ := strings.Cut(string(stat), ") ")
	fields := strings.Fields(rest)
	user, err := strconv.Atoi(fields[11])
	if err != nil {
		return usage{}, err
	}
	system, err := strconv.Atoi(fields[12])
	if err != nil {
		return usage{}, err
	}
	pages, err := strconv.Atoi(fields[21])
	if err != nil {
		return usage{}, err
	}
	return usage{cpu: time.Duration(user+system) * 10 * time.Millisecond, rss: float64(pages*os.Getpagesize()) / (1 << 20)}, nil
}

func (l *lab) usage() (usage, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.controller == nil {
		return usage{}, errors.New("the controller does not run")
	}
	return usageOf(l.controller.PID())
}

// until polls a condition.
func until(ctx context.Context, limit time.Duration, what string, ok func() (bool, error)) error {
	deadline := time.Now().Add(limit)
	for {
		done, err := ok()
		if err != nil || done {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("not within %v: %s", limit, what)
		}
		if err := pause(ctx, 20*time.Millisecond); err != nil {
			return err
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

var _ io.Writer = (*callLog)(nil)

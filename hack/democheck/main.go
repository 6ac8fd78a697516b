// Command democheck brings the sample stack up on the built programs, a real Kubernetes API, the controller and a simulated Proxmox,
// and judges from outside whether the phases were kept and how near the time came to its lower bound. `make demo-check` runs it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/config/samples"
	"github.com/nixmox/nixmox-controller/internal/demo"
	"github.com/nixmox/nixmox-controller/internal/pvesim/calllog"
	"github.com/nixmox/nixmox-controller/internal/view"
	"github.com/nixmox/nixmox-controller/test/lab"
)

// What the sample world and the sample host say; the bound needs it.
const (
	nodes         = 1
	maxConcurrent = 4
	stopLimit     = 10 * time.Second
)

func main() {
	bin := flag.String("bin", "bin", "folder with nixmox, controller and pvesim")
	keep := flag.Bool("keep", false, "keep the folder with data and logs, and print where it is")
	timeout := flag.Duration("timeout", 3*time.Minute, "how long the whole may take")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, *timeout)
	defer cancel()
	line, err := check(ctx, *bin, *keep)
	if err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
	}
	fmt.Println("demo:", line)
	if err != nil {
		os.Exit(1)
	}
}

// check runs everything in a temporary folder and says how it went, in one line.
func check(ctx context.Context, bin string, keep bool) (line string, err error) {
	dir, err := os.MkdirTemp("", "nixmox-demo-")
	if err != nil {
		return "failed", err
	}
	defer func() {
		if keep || err != nil {
			fmt.Println("data and logs are kept in", dir)
			return
		}
		err = os.RemoveAll(dir)
	}()
	stack, err := start(ctx, bin, dir)
	defer func() { err = errors.Join(err, stack.stop()) }()
	if err != nil {
		return "failed", err
	}
	config, err := clientcmd.BuildConfigFromFlags("", filepath.Join(dir, "kubeconfig"))
	if err != nil {
		return "failed", err
	}
	watcher, err := lab.Watch(config, stack.client, demo.Namespace)
	if err != nil {
		return "failed", err
	}
	defer watcher.Stop()
	began := time.Now()
	progress, err := stack.rollOut(ctx, began)
	wall := time.Since(began)
	if err != nil {
		return fmt.Sprintf("%d/%d ready", progress.Ready, len(progress.Services)), err
	}
	log, err := readLog(filepath.Join(dir, "calls.jsonl"))
	if err != nil {
		return "failed", err
	}
	line, err = judge(log, progress, wall)
	return line, errors.Join(append(watcher.Broken(ctx, stack.control, demo.TokenID, log), err)...)
}

func readLog(file string) ([]calllog.Entry, error) {
	log, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	return calllog.Read(log)
}

// judge sums up what the call log says.
func judge(log []calllog.Entry, progress demo.Progress, wall time.Duration) (line string, err error) {
	rollout := demo.RolloutOf(progress, nodes*maxConcurrent)
	rollout.Log = log
	j := demo.Judge(rollout)
	order := "ok"
	if len(j.Violations) > 0 {
		order = "broken"
		for _, v := range j.Violations {
			err = errors.Join(err, errors.New(v))
		}
	}
	if limit := j.Bound + j.Bound/10 + 2*time.Second; wall > limit {
		err = errors.Join(err, fmt.Errorf("the roll-out took %.1fs, more than 1.10 x bound + 2 s = %.1fs", wall.Seconds(), limit.Seconds()))
	}
	return fmt.Sprintf("%d/%d ready, %d phases, order %s, wall %.1fs, bound %.1fs, PVE calls %d",
		progress.Ready, len(progress.Services), j.Phases, order, wall.Seconds(), j.Bound.Seconds(), j.Calls), err
}

// stack are the running programs.
type stack struct {
	processes []*demo.Process
	logs      []io.Closer
	client    client.Client
	pve       demo.Proxmox
	control   string
}

func start(ctx context.Context, bin, dir string) (*stack, error) {
	s := &stack{}
	world := filepath.Join(dir, "world.json")
	data, err := samples.FS.ReadFile("demo/world.json")
	if err != nil {
		return s, err
	}
	if err := os.WriteFile(world, data, 0o600); err != nil {
		return s, err
	}
	fmt.Println("starting the simulated Proxmox, the Kubernetes API and the controller")
	sim, err := s.run(ctx, dir, "pvesim", true, filepath.Join(bin, "pvesim"),
		"--world", world, "--listen", "127.0.0.1:0", "--control", "127.0.0.1:0", "--ssh", "127.0.0.1:0", "--call-log", filepath.Join(dir, "calls.jsonl"))
	if err != nil {
		return s, err
	}
	if s.pve, s.control, err = demo.ReadLine(sim.Line); err != nil {
		return s, err
	}
	kubeconfig := filepath.Join(dir, "kubeconfig")
	if _, err := s.run(ctx, dir, "nixmox", true, filepath.Join(bin, "nixmox"), "up", "--no-controller",
		"--data-dir", filepath.Join(dir, "data"), "--listen", "127.0.0.1:0", "--kubeconfig", kubeconfig); err != nil {
		return s, err
	}
	probes, err := freeAddress()
	if err != nil {
		return s, err
	}
	if _, err := s.run(ctx, dir, "controller", false, filepath.Join(bin, "controller"), "--kubeconfig", kubeconfig, "--health-probe-bind-address", probes,
		"--development-address-map", demo.AddressMap); err != nil {
		return s, err
	}
	if err := waitFor(ctx, "http://"+probes+"/readyz"); err != nil {
		return s, err
	}
	s.client, err = demo.Connect(kubeconfig)
	return s, err
}

// freeAddress is a loopback address that nobody listened on a moment ago.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// waitFor waits until a URL answers 200.
func waitFor(ctx context.Context, url string) error {
	err := wait.PollUntilContextCancel(ctx, 50*time.Millisecond, true, func(ctx context.Context) (bool, error) {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return false, err
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return false, nil //nolint:nilerr // nobody listens yet
		}
		return response.StatusCode == http.StatusOK, response.Body.Close()
	})
	if err != nil {
		return fmt.Errorf("the controller was not ready in time: %w", err)
	}
	return nil
}

func (s *stack) run(ctx context.Context, dir, name string, waitForLine bool, program string, args ...string) (*demo.Process, error) {
	log, err := os.Create(filepath.Join(dir, name+".log"))
	if err != nil {
		return nil, err
	}
	s.logs = append(s.logs, log)
	p, err := demo.StartProcess(ctx, log, waitForLine, program, args...)
	if err != nil {
		return nil, err
	}
	s.processes = append(s.processes, p)
	return p, nil
}

// stop ends the programs, the last started first. One that does not end within ten seconds is an error.
func (s *stack) stop() error {
	var errs []error
	for i := len(s.processes) - 1; i >= 0; i-- {
		errs = append(errs, s.processes[i].Stop(stopLimit))
	}
	for _, log := range s.logs {
		errs = append(errs, log.Close())
	}
	return errors.Join(errs...)
}

// rollOut applies the stack and follows it, a line a change.
func (s *stack) rollOut(ctx context.Context, began time.Time) (demo.Progress, error) {
	fmt.Println("applying config/samples/stack: ten services in six phases")
	err := demo.Apply(ctx, s.client, samples.FS, "stack", s.pve)
	if err != nil {
		return demo.Progress{}, err
	}
	return demo.Follow(ctx, s.client, func(svc *v1alpha1.NixMoxService, p demo.Progress) {
		fmt.Printf("%5.1fs  %2d/%d ready  %-12s %-9s %s\n", time.Since(began).Seconds(), p.Ready, len(p.Services), svc.Name, svc.Status.State, view.Message(svc))
	})
}

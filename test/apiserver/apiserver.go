// Package apiserver gives tests a real Kubernetes API server with the NixMox resources: by default `nixmox up --no-controller`, which
// `make test` builds and names in NIXMOX_BIN; with KUBEBUILDER_ASSETS or USE_EXISTING_CLUSTER the one that controller-runtime's envtest
// finds there. A test package starts one in its TestMain and gives every test a namespace of its own.
package apiserver

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/nixmox/nixmox-controller/internal/app"
	"github.com/nixmox/nixmox-controller/internal/demo"
)

// Server is a running API server.
type Server struct {
	Config *rest.Config
	Client client.Client
	// Kubeconfig is a file by which other programs reach it; empty for envtest's.
	Kubeconfig string
	stop       func() error
}

var running *Server

// Main starts an API server, runs the tests of a package and stops it. Call it from TestMain: os.Exit(apiserver.Main(m)).
func Main(m *testing.M) int {
	server, err := Start()
	if err != nil {
		fmt.Fprintln(os.Stderr, "No API server for the tests:", err)
		return 1
	}
	running = server
	code := m.Run()
	if err := server.stop(); err != nil {
		fmt.Fprintln(os.Stderr, "Stop the API server:", err)
		return max(code, 1)
	}
	return code
}

// Get is the package's API server.
func Get(t testing.TB) *Server {
	t.Helper()
	if running == nil {
		t.Fatal("the package has no TestMain that calls apiserver.Main")
	}
	return running
}

// Namespace makes a namespace for one test.
func (s *Server) Namespace(t testing.TB) string {
	t.Helper()
	name, err := s.NewNamespace(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return name
}

// NewNamespace makes a namespace. It is left to the end of the server: deleting it would wait for finalizers.
func (s *Server) NewNamespace(ctx context.Context) (string, error) {
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "test-"}}
	if err := s.Client.Create(ctx, ns); err != nil {
		return "", fmt.Errorf("create a namespace: %w", err)
	}
	return ns.Name, nil
}

// Stop ends the server, for programs; tests leave it to Main.
func (s *Server) Stop() error { return s.stop() }

// Start starts a server for a program; tests use Main.
func Start() (*Server, error) {
	if os.Getenv("KUBEBUILDER_ASSETS") != "" || os.Getenv("USE_EXISTING_CLUSTER") != "" {
		return startEnvtest()
	}
	return startNixmox()
}

func startEnvtest() (*Server, error) {
	env := &envtest.Environment{CRDDirectoryPaths: []string{filepath.Join(root(), "config/crd/bases")}, ErrorIfCRDPathMissing: true}
	cfg, err := env.Start()
	if err != nil {
		return nil, err
	}
	return connect(cfg, env.Stop)
}

func startNixmox() (*Server, error) {
	bin := os.Getenv("NIXMOX_BIN")
	if bin == "" {
		bin = filepath.Join(root(), "bin", "nixmox")
	}
	if _, err := os.Stat(bin); err != nil {
		return nil, fmt.Errorf("%w; build it with `make nixmox`", err)
	}
	dir, err := os.MkdirTemp("", "nixmox-test-")
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	kubeconfig := filepath.Join(dir, "kubeconfig")
	var log strings.Builder
	process, err := demo.StartProcess(ctx, &log, true, bin, "up", "--no-controller",
		"--data-dir", filepath.Join(dir, "data"), "--listen", "127.0.0.1:0", "--kubeconfig", kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("%w\n%s", err, log.String())
	}
	stop := func() error { return errors.Join(process.Stop(10*time.Second), os.RemoveAll(dir)) }
	server, err := Connect(kubeconfig)
	if err != nil {
		return nil, errors.Join(err, stop())
	}
	server.stop = stop
	return server, nil
}

// Connect uses a server that runs already, and that Stop leaves running.
func Connect(kubeconfig string) (*Server, error) {
	cfg, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, err
	}
	server, err := connect(cfg, func() error { return nil })
	if err != nil {
		return nil, err
	}
	server.Kubeconfig = kubeconfig
	return server, nil
}

func connect(cfg *rest.Config, stop func() error) (*Server, error) {
	cfg.QPS = -1
	scheme, err := app.Scheme()
	if err != nil {
		return nil, errors.Join(err, stop())
	}
	c, err := client.New(cfg, client.Options{Scheme: scheme})
	if err != nil {
		return nil, errors.Join(err, stop())
	}
	return &Server{Config: cfg, Client: c, stop: stop}, nil
}

// root is the repository's folder, from where this file was compiled; NIXMOX_ROOT names it for binaries built with -trimpath.
func root() string {
	if dir := os.Getenv("NIXMOX_ROOT"); dir != "" {
		return dir
	}
	_, file, _, _ := runtime.Caller(0)
	return filepath.Dir(filepath.Dir(filepath.Dir(file)))
}

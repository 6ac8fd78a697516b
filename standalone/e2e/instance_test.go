package e2e

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// startLimit is generous: other work may keep the machine busy.
const startLimit = 60 * time.Second

// instance is a `nixmox up` that a test has started.
type instance struct {
	dataDir    string
	kubeconfig string
	url        string
	scratch    string

	process *exec.Cmd
	stdout  *bufio.Reader
	stderr  *lockedBuffer
	exited  chan struct{} // closed when the process is gone
	exitErr error
}

// launch starts the process and returns at once.
func launch(dataDir, kubeconfig string, more ...string) (*instance, error) {
	args := append([]string{"up", "--data-dir", dataDir, "--listen", "127.0.0.1:0", "--kubeconfig", kubeconfig}, more...)
	i := &instance{dataDir: dataDir, kubeconfig: kubeconfig, stderr: &lockedBuffer{}, exited: make(chan struct{})}
	i.process = exec.Command(binary, args...)
	i.process.Env = []string{"TMPDIR=" + os.TempDir()} // neither HOME nor PATH
	i.process.Stderr = i.stderr
	stdout, err := i.process.StdoutPipe()
	if err != nil {
		return nil, err
	}
	i.stdout = bufio.NewReader(stdout)
	if err := i.process.Start(); err != nil {
		return nil, err
	}
	go func() {
		state, err := i.process.Process.Wait()
		if err == nil && !state.Success() {
			err = errors.New(state.String())
		}
		i.exitErr = err
		close(i.exited)
	}()
	return i, nil
}

var readyLine = regexp.MustCompile(`^nixmox: ready, (https://127\.0\.0\.1:[1-9][0-9]*), kubeconfig (.+), data (.+)\n$`)

// waitReady reads the one line that the contract promises.
func (i *instance) waitReady() error {
	lines := make(chan string, 1)
	go func() {
		line, _ := i.stdout.ReadString('\n') // at the end of the output, what there is of a line
		lines <- line
	}()
	select {
	case line := <-lines:
		match := readyLine.FindStringSubmatch(line)
		if match == nil {
			return fmt.Errorf("the first line is %q; stderr:\n%s", line, i.stderr)
		}
		i.url = match[1]
		return nil
	case <-time.After(startLimit):
		i.kill()
		return fmt.Errorf("not ready after %s; stderr:\n%s", startLimit, i.stderr)
	}
}

// kill is kill -9, and waits until the process is gone.
func (i *instance) kill() {
	_ = i.process.Process.Signal(syscall.SIGKILL)
	<-i.exited
}

// terminate sends SIGTERM and returns how long the process took to end.
func (i *instance) terminate(t *testing.T) time.Duration {
	t.Helper()
	begin := time.Now()
	if err := i.process.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case <-i.exited:
		return time.Since(begin)
	case <-time.After(20 * time.Second):
		i.kill()
		t.Fatalf("still running 20 s after SIGTERM; stderr:\n%s", i.stderr)
		return 0
	}
}

// restOfStdout is what came after the ready line; the process must be gone.
func (i *instance) restOfStdout(t *testing.T) string {
	t.Helper()
	rest, err := io.ReadAll(i.stdout)
	if err != nil && !errors.Is(err, os.ErrClosed) {
		t.Fatal(err)
	}
	return string(rest)
}

// start starts an instance of this test's own, on dataDir, and waits until it is
// ready. It is killed with the test.
func start(t *testing.T, dataDir string) *instance {
	t.Helper()
	i := launchFor(t, dataDir, "--no-controller")
	if err := i.waitReady(); err != nil {
		t.Fatal(err)
	}
	return i
}

func startWithController(t *testing.T, dataDir string) *instance {
	t.Helper()
	i := launchFor(t, dataDir)
	if err := i.waitReady(); err != nil {
		t.Fatal(err)
	}
	return i
}

// launchFor is launch for the time of one test.
func launchFor(t *testing.T, dataDir string, more ...string) *instance {
	t.Helper()
	i, err := launch(dataDir, filepath.Join(t.TempDir(), "kubeconfig"), more...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(i.kill)
	return i
}

var (
	shared     *instance
	startOnce  sync.Once
	errStarted error
)

// cluster is the instance that tests of the API share; each uses a namespace of
// its own.
func cluster(t *testing.T) *instance {
	t.Helper()
	startOnce.Do(func() {
		scratch, err := os.MkdirTemp("", "nixmox-e2e-shared-")
		if err != nil {
			errStarted = err
			return
		}
		if shared, errStarted = launch(filepath.Join(scratch, "data"), filepath.Join(scratch, "kubeconfig"), "--no-controller"); errStarted != nil {
			return
		}
		shared.scratch = scratch
		errStarted = shared.waitReady()
	})
	if errStarted != nil {
		t.Fatal(errStarted)
	}
	return shared
}

// config is the administrator's, as any client would load it.
func (i *instance) config(t *testing.T) *rest.Config {
	t.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", i.kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	config.QPS = -1 // no limit on our side
	return config
}

func (i *instance) client(t *testing.T) *kubernetes.Clientset {
	t.Helper()
	return clientFor(t, i.config(t))
}

func (i *instance) dynamic(t *testing.T) dynamic.Interface {
	t.Helper()
	client, err := dynamic.NewForConfig(i.config(t))
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func clientFor(t *testing.T, config *rest.Config) *kubernetes.Clientset {
	t.Helper()
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// kubectl runs `nixmox kubectl` against the instance.
func (i *instance) kubectl(t *testing.T, stdin string, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	command := exec.Command(binary, append([]string{"kubectl"}, args...)...)
	command.Env = []string{"KUBECONFIG=" + i.kubeconfig, "HOME=" + t.TempDir()}
	command.Stdin = strings.NewReader(stdin)
	var out, errOut bytes.Buffer
	command.Stdout, command.Stderr = &out, &errOut
	err = command.Run()
	return out.String(), errOut.String(), err
}

// lockedBuffer is written by the process while a test reads it.
type lockedBuffer struct {
	mu      sync.Mutex
	content bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.content.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.content.String()
}

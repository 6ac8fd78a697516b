package shutdown

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestMain is also the process that the tests below send signals to.
func TestMain(m *testing.M) {
	switch os.Getenv("SHUTDOWN_TEST_BEHAVIOUR") {
	case "obeys":
		ctx := Context()
		fmt.Println("up")
		<-ctx.Done()
		os.Exit(0)
	case "hangs":
		_ = Context()
		fmt.Println("up")
		select {}
	}
	os.Exit(m.Run())
}

func TestSignals(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, behaviour string
		signals         []os.Signal
		atMost          time.Duration
		code            int
		says            string
	}{
		{"SIGTERM ends the context", "obeys", []os.Signal{syscall.SIGTERM}, 2 * time.Second, 0, ""},
		{"SIGINT ends the context", "obeys", []os.Signal{syscall.SIGINT}, 2 * time.Second, 0, ""},
		{"a process that hangs ends all the same", "hangs", []os.Signal{syscall.SIGTERM}, 10 * time.Second, 1, "not stopped after 8s"},
		{"a second signal ends it at once", "hangs", []os.Signal{syscall.SIGINT, syscall.SIGTERM}, 2 * time.Second, 1, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			process := exec.Command(os.Args[0])
			process.Env = append(os.Environ(), "SHUTDOWN_TEST_BEHAVIOUR="+test.behaviour)
			var stderr strings.Builder
			process.Stderr = &stderr
			stdout, err := process.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := process.Start(); err != nil {
				t.Fatal(err)
			}
			if line, err := bufio.NewReader(stdout).ReadString('\n'); line != "up\n" {
				t.Fatalf("got %q, %v", line, err)
			}
			begin := time.Now()
			for _, signal := range test.signals {
				if err := process.Process.Signal(signal); err != nil {
					t.Fatal(err)
				}
			}
			err = process.Wait()
			if took := time.Since(begin); took > test.atMost {
				t.Errorf("it took %s, want at most %s", took, test.atMost)
			}
			var exit *exec.ExitError
			if code := process.ProcessState.ExitCode(); code != test.code || (err != nil && !errors.As(err, &exit)) {
				t.Errorf("it ended with code %d (%v), want %d", code, err, test.code)
			}
			if !strings.Contains(stderr.String(), test.says) {
				t.Errorf("it said %q, want %q", stderr.String(), test.says)
			}
		})
	}
}

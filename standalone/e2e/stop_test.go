package e2e

import (
	"context"
	"crypto/tls"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// contract is how long SIGTERM may take.
const contract = 10 * time.Second

func TestSIGTERMEndsItAtAnyMoment(t *testing.T) {
	t.Parallel()
	exists := func(path ...string) func(*instance) bool {
		return func(i *instance) bool {
			_, err := os.Stat(filepath.Join(append([]string{i.dataDir}, path...)...))
			return err == nil
		}
	}
	for _, test := range []struct {
		name   string
		moment func(*instance) bool
	}{
		{"right after its start", func(*instance) bool { return true }},
		{"with the data directory locked", exists("lock")},
		{"with the certificates written", exists("pki", "service-account.key")},
		{"with the database coming up", exists("etcd", "member")},
		{"with the API answering and not ready", answersTLS()},
	} {
		t.Run(test.name, func(t *testing.T) {
			i := launchFor(t, t.TempDir(), "--no-controller")
			eventually(t, "the moment "+test.name, func(context.Context) (bool, error) { return test.moment(i), nil })
			if took := i.terminate(t); took > contract {
				t.Errorf("it took %s", took)
			}
			if _, err := os.Stat(i.kubeconfig); err == nil {
				t.Error("it was ready by then: the moment is not what it says")
			}
		})
	}
}

// answersTLS finds the port in the process's own list of sockets, since it is
// told to nobody before the server is ready.
func answersTLS() func(*instance) bool {
	return func(i *instance) bool {
		for _, address := range listening(i.process.Process.Pid) {
			// Any answer will do, so nobody's identity is checked.
			dialer := tls.Dialer{NetDialer: &net.Dialer{Timeout: time.Second}, Config: &tls.Config{InsecureSkipVerify: true}}
			if connection, err := dialer.Dial("tcp", address); err == nil {
				_ = connection.Close()
				return true
			}
		}
		return false
	}
}

func TestSIGTERMWithOpenWatches(t *testing.T) {
	t.Parallel()
	i := start(t, t.TempDir())
	for range 20 {
		watch, err := i.client(t).CoreV1().ConfigMaps("").Watch(t.Context(), metav1.ListOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer watch.Stop()
	}
	if took := i.terminate(t); took > contract {
		t.Errorf("it took %s", took)
	}
	if i.exitErr != nil {
		t.Errorf("it ended with %v, want success; stderr:\n%s", i.exitErr, i.stderr)
	}
}

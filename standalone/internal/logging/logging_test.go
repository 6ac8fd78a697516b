package logging

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"k8s.io/klog/v2"
)

// TestMain is also a process whose standard error the test below reads: klog
// writes to that and nowhere else.
func TestMain(m *testing.M) {
	if os.Getenv("LOGGING_TEST_KLOG") == "" {
		os.Exit(m.Run())
	}
	Setup(0)
	klog.Info("an information")
	klog.Warning("a warning")
	klog.Error("an error")
	klog.ErrorS(errors.New("cause"), "a structured error")
	klog.Warning("Skipping API x/v1beta1 because it has no resources.")
	Quiet(0)
	klog.Error("an error after the end")
}

func TestKlogSaysWhatConcernsSomebody(t *testing.T) {
	t.Parallel()
	process := exec.Command(os.Args[0])
	process.Env = append(os.Environ(), "LOGGING_TEST_KLOG=1")
	var stderr bytes.Buffer
	process.Stderr = &stderr
	if err := process.Run(); err != nil {
		t.Fatal(err)
	}
	var got []string
	for line := range strings.Lines(stderr.String()) {
		_, message, _ := strings.Cut(line, "] ") // time, process and source before it
		got = append(got, strings.TrimSpace(message))
	}
	if diff := cmp.Diff([]string{"a warning", "an error", `"a structured error" err="cause"`}, got); diff != "" {
		t.Error(diff)
	}
}

func TestEtcdSaysWhatConcernsSomebody(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	encoder := zapcore.NewConsoleEncoder(zapcore.EncoderConfig{MessageKey: "message"})
	log := zap.New(concerningCore{zapcore.NewCore(encoder, zapcore.AddSync(&out), zapcore.WarnLevel)})

	log.Info("an information")
	log.Warn("Running http and grpc server on single port. This is not recommended for production.")
	log.Error("failed to update storage version", zap.Error(errors.New("cannot detect storage schema version: missing term information")))
	log.Error("failed to update storage version", zap.Error(errors.New("disk is full")))
	log.Warn("slow fdatasync")

	want := []string{`failed to update storage version	{"error": "disk is full"}`, "slow fdatasync"}
	if diff := cmp.Diff(want, strings.Split(strings.TrimSpace(out.String()), "\n")); diff != "" {
		t.Error(diff)
	}
}

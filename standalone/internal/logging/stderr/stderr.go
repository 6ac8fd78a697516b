// Package stderr is the process's standard error as loggers see it: a writer
// that can be told to be quiet. It exists apart from logging because it has to
// be initialized before the API server's storage, which makes the logger of its
// etcd clients once, at that moment, and lets nobody reach it afterwards. Go
// initializes packages in the order of their import paths as far as imports
// allow: ours must therefore import nothing of Kubernetes. Were the order to
// change, the clients would log as upstream has it, and a test of ours fail.
package stderr

import (
	"net/url"
	"os"
	"sync/atomic"

	"go.etcd.io/etcd/client/pkg/v3/logutil"
	"go.uber.org/zap"
)

var quiet atomic.Bool

// Quiet drops what is written from now on.
func Quiet() { quiet.Store(true) }

// Writer writes to standard error until Quiet.
type Writer struct{}

// Write drops or writes the whole of p.
func (Writer) Write(p []byte) (int, error) {
	if quiet.Load() {
		return len(p), nil
	}
	return os.Stderr.Write(p)
}

// sink is Writer in the shape that zap asks for.
type sink struct{ Writer }

func (sink) Sync() error  { return nil }
func (sink) Close() error { return nil }

const scheme = "nixmox-stderr"

// init makes the etcd clients' loggers write through Writer.
func init() {
	err := zap.RegisterSink(scheme, func(*url.URL) (zap.Sink, error) { return sink{}, nil })
	if err != nil {
		return // they log as upstream has it
	}
	logutil.DefaultZapLoggerConfig.OutputPaths = []string{scheme + ":"}
}

package logging

import (
	"bytes"
	"flag"
	"io"
	"strconv"

	"k8s.io/klog/v2"

	"github.com/nixmox/nixmox-controller/standalone/internal/logging/stderr"
)

// Setup directs klog to stderr. Verbosity 0 shows warnings and errors that a
// person can do something about, 1 also what goes on, and from 2 on are
// Kubernetes' own levels.
func Setup(verbosity int) {
	flags := flag.NewFlagSet("klog", flag.PanicOnError)
	klog.InitFlags(flags)
	set := func(name, value string) {
		if err := flags.Set(name, value); err != nil {
			panic(err) // a flag that klog no longer has: a mistake of ours
		}
	}
	set("v", strconv.Itoa(verbosity))
	if verbosity > 0 {
		return // klog's own way: everything to stderr
	}
	// Anything else goes to the writers below, each severity to its own alone.
	set("logtostderr", "false")
	set("one_output", "true")
	set("stderrthreshold", "FATAL")
	klog.SetOutputBySeverity("INFO", io.Discard)
	klog.SetOutputBySeverity("WARNING", concerning{})
	klog.SetOutputBySeverity("ERROR", concerning{})
	klog.SetOutputBySeverity("FATAL", io.Discard) // it is on stderr already
}

// harmless are messages of every start of an API server like ours, which name
// nothing that anybody could or should change.
var harmless = [][]byte{
	// Versions of upstream's groups that consist of things we leave out.
	[]byte("because it has no resources"),
	// Two hooks race at the first start; the loser tries again.
	[]byte(`namespaces \"kube-system\" not found`),
}

// concerning passes on to stderr what somebody should read.
type concerning struct{ stderr.Writer }

func (c concerning) Write(line []byte) (int, error) {
	for _, message := range harmless {
		if bytes.Contains(line, message) {
			return len(line), nil
		}
	}
	return c.Writer.Write(line)
}

package logging

import (
	"slices"
	"strings"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/nixmox/nixmox-controller/standalone/internal/logging/stderr"
)

// Etcd is the logger for the database, which writes as Setup(verbosity) makes klog do.
func Etcd(verbosity int) *zap.Logger {
	if verbosity > 0 {
		return zap.New(lines(zapcore.InfoLevel))
	}
	return zap.New(concerningCore{lines(zapcore.WarnLevel)})
}

// lines writes to stderr for a person to read.
func lines(level zapcore.Level) zapcore.Core {
	encoder := zap.NewProductionEncoderConfig()
	encoder.EncodeTime = zapcore.RFC3339TimeEncoder
	encoder.CallerKey = zapcore.OmitKey
	return zapcore.NewCore(zapcore.NewConsoleEncoder(encoder), zapcore.Lock(zapcore.AddSync(stderr.Writer{})), level)
}

// harmlessOfEtcd are parts of messages of every start of a single member
// without peers.
var harmlessOfEtcd = []string{
	"Running http and grpc server on single port",
	"simple token is not cryptographically signed",
	// Raft holds its own election back for a moment and repeats it.
	"cannot campaign at term",
}

// untilFirstTerm are what is said, and tried again, before the new member has
// elected itself; the second part is in the error.
var untilFirstTerm = []string{"Failed to detect schema version", "failed to update storage version"}

// concerningCore passes on what somebody should read.
type concerningCore struct{ zapcore.Core }

func (c concerningCore) With(fields []zapcore.Field) zapcore.Core {
	return concerningCore{c.Core.With(fields)}
}

func (c concerningCore) Check(entry zapcore.Entry, checked *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if !c.Enabled(entry.Level) || saysOneOf(entry.Message, harmlessOfEtcd) {
		return checked
	}
	return checked.AddCore(entry, c)
}

func (c concerningCore) Write(entry zapcore.Entry, fields []zapcore.Field) error {
	if saysOneOf(entry.Message, untilFirstTerm) && slices.ContainsFunc(fields, missesTerm) {
		return nil
	}
	return c.Core.Write(entry, fields)
}

func missesTerm(field zapcore.Field) bool {
	err, ok := field.Interface.(error)
	return ok && strings.Contains(err.Error(), "missing term information")
}

func saysOneOf(message string, parts []string) bool {
	return slices.ContainsFunc(parts, func(part string) bool { return strings.Contains(message, part) })
}

package logging

import (
	"strings"

	"github.com/go-logr/logr"
	"github.com/go-logr/zapr"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"sigs.k8s.io/controller-runtime/pkg/log"
)

// Controller is the logger for the NixMox controller and for its library. What
// is done to somebody's containers is worth a line at any verbosity; how the
// library starts its parts is not.
func Controller(verbosity int) logr.Logger {
	core := lines(zapcore.Level(-verbosity)) // logr's V(n) is zap's level -n
	if verbosity == 0 {
		core = oursCore{core}
	}
	logger := zapr.NewLogger(zap.New(core, zap.AddCaller()))
	log.SetLogger(logger)
	return logger
}

const library = "sigs.k8s.io/controller-runtime/"

// oursCore leaves out what the library tells and nobody needs to act on.
type oursCore struct{ zapcore.Core }

func (c oursCore) With(fields []zapcore.Field) zapcore.Core { return oursCore{c.Core.With(fields)} }

func (c oursCore) Check(entry zapcore.Entry, checked *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if !c.Enabled(entry.Level) {
		return checked
	}
	return checked.AddCore(entry, c)
}

// Write is where the caller is known.
func (c oursCore) Write(entry zapcore.Entry, fields []zapcore.Field) error {
	if entry.Level == zapcore.InfoLevel && strings.HasPrefix(entry.Caller.Function, library) {
		return nil
	}
	return c.Core.Write(entry, fields)
}

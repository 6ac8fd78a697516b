package health

// Outcome is how one probe ended.
type Outcome int

const (
	// NotRun means that the probe could not be run, so it says nothing about the service.
	NotRun Outcome = iota
	// Passed means that the service is well.
	Passed
	// Partly means that some layers of a check with several passed, others failed.
	Partly
	// Failed means that the service was asked and is not well.
	Failed
)

// String is the outcome for messages and test failures.
func (o Outcome) String() string {
	switch o {
	case Passed:
		return "passed"
	case Partly:
		return "partly"
	case Failed:
		return "failed"
	default:
		return "not run"
	}
}

// Result is what one probe found.
type Result struct {
	Outcome Outcome
	// Message is a sentence for people. Two probes that find the same say the
	// same: no times, no temporary ports, so that status need not change.
	Message string
	// Final, of a NotRun result, says that trying again is useless until the check,
	// its target or the configuration changes.
	Final bool
	// Layers of a check with several; the others then sum them up.
	Layers []LayerResult
}

func passed(message string) Result { return Result{Outcome: Passed, Message: message} }
func failed(message string) Result { return Result{Outcome: Failed, Message: message} }
func notRun(message string) Result { return Result{Outcome: NotRun, Message: message} }
func cannotRun(message string) Result {
	return Result{Outcome: NotRun, Message: message, Final: true}
}

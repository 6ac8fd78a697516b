package proxmox

import (
	"context"
	"errors"
	"net/http"
	"regexp"
	"strings"
)

// The predicates below give an error its meaning. Proxmox answers nearly
// everything with status 500 and a sentence, so the sentence is the contract;
// each pattern is the wording of the source (and of recordings of 9.2.11).
var (
	notExistText      = regexp.MustCompile(`Configuration file '[^']*' does not exist`)
	lockedText        = regexp.MustCompile(`is locked \(([^)]*)\)`)
	lockTimeoutText   = regexp.MustCompile(`got timeout|Failed to obtain guest migration lock`)
	noQuorumText      = regexp.MustCompile(`no quorum`)
	alreadyExistsText = regexp.MustCompile(`\b(CT|VM) \d+ already exists`)
	alreadyRunText    = regexp.MustCompile(`\balready running\b`)
	notRunningText    = regexp.MustCompile(`\b(CT|VM|container) '?\d+'? (is )?not running\b`)
	alreadySizedText  = regexp.MustCompile(`disk is already at specified size`)
	digestText        = regexp.MustCompile(`detected modified configuration`)
	noTaskText        = regexp.MustCompile(`no such task`)
	noWorkerText      = regexp.MustCompile(`got no worker upid`)
	permissionText    = regexp.MustCompile(`Permission check failed \((/[^,]*), ([^)]*)\)`)
)

// IsNotExist tells that the container is not on the node that was asked. That
// is no proof that it is gone: it may have migrated, and a stop of an unknown
// VMID answers "not running" instead.
func IsNotExist(err error) bool { return says(err, notExistText) }

// IsLocked tells that the container's config holds a lock (LockHeld names it).
// Most pass by themselves; one left behind by a crash can only be removed with
// "pct unlock" on the node.
func IsLocked(err error) bool { return says(err, lockedText) }

// LockHeld names the config lock that stands in the way: "backup", "create",
// "snapshot", ... ok is false if the error is not about a lock.
func LockHeld(err error) (lock string, ok bool) {
	if found := lockedText.FindStringSubmatch(textOf(err)); found != nil {
		return found[1], true
	}
	return "", false
}

// IsLockTimeout tells that Proxmox waited for the container's lock file and
// gave up. Another operation is at work: later.
func IsLockTimeout(err error) bool { return says(err, lockTimeoutText) }

// IsNoQuorum tells that the cluster has no quorum and is read-only: later.
func IsNoQuorum(err error) bool { return says(err, noQuorumText) }

// IsAlreadyExists tells that the VMID is in use, by a container or a VM,
// anywhere in the cluster.
func IsAlreadyExists(err error) bool { return says(err, alreadyExistsText) }

// IsAlreadyRunning tells that a start had nothing to do.
func IsAlreadyRunning(err error) bool { return says(err, alreadyRunText) }

// IsNotRunning tells that a stop or shutdown had nothing to do. Proxmox says
// the same of a VMID that it does not know.
func IsNotRunning(err error) bool { return says(err, notRunningText) }

// IsAlreadySized tells that a resize had nothing to do.
func IsAlreadySized(err error) bool { return says(err, alreadySizedText) }

// IsDigestMismatch tells that the config changed since the digest was read:
// read again and decide again.
func IsDigestMismatch(err error) bool { return says(err, digestText) }

// IsNoSuchTask tells that Proxmox does not know the task (any more).
func IsNoSuchTask(err error) bool { return says(err, noTaskText) }

// IsUnauthorized tells that the token was not accepted: unknown, expired or a
// wrong secret. Proxmox delays this answer by three seconds.
func IsUnauthorized(err error) bool { return hasStatus(err, http.StatusUnauthorized) }

// IsForbidden tells that the token lacks a privilege; MissingPrivilege names
// it. Proxmox checks before it looks: the container need not exist.
func IsForbidden(err error) bool { return hasStatus(err, http.StatusForbidden) }

// MissingPrivilege gives the ACL path and the privilege that the token lacks,
// such as "/vms/100" and "VM.Audit"; alternatives are separated by "|". ok is
// false for any other error, and for refusals that name no path ("... is only
// allowed for root@pam").
func MissingPrivilege(err error) (path, privilege string, ok bool) {
	if found := permissionText.FindStringSubmatch(textOf(err)); found != nil {
		return found[1], found[2], true
	}
	return "", "", false
}

// IsParameterRefused tells that Proxmox refused a value (400): the same call
// will fail again. Fields of the *Error say which.
func IsParameterRefused(err error) bool { return hasStatus(err, http.StatusBadRequest) }

// IsUnreachable tells that no Proxmox answered: connection refused, timeout,
// TLS, a reply cut short, a gateway's 502 to 504, or Proxmox's own 595 to 599
// when the node behind it does not answer. It is false when the caller's own
// context was cancelled.
func IsUnreachable(err error) bool {
	var failed *Error
	if !errors.As(err, &failed) {
		return false
	}
	if failed.Err == nil {
		return isGatewayStatus(failed.Status)
	}
	if errors.Is(failed.Err, context.Canceled) {
		return false
	}
	return !errors.Is(failed.Err, ErrMalformed) || errors.Is(failed.Err, errBrokenOff)
}

// IsTLS tells that the connection failed on the server's certificate, or that
// the server does not speak TLS. TLSProblem says it in a sentence.
func IsTLS(err error) bool {
	_, found := TLSProblem(err)
	return found
}

// MayHaveHappened tells that a change may have taken effect although the call
// failed: the reply was lost or unreadable, a gateway answered in Proxmox's
// place, no worker was reported, or Proxmox answered 500 to a config change
// after it had stored it. Read the state before deciding anything. It is false
// for reads, for what was never sent, and for plain refusals. Never sent is
// also what ends in 595: Proxmox's proxy found nobody to connect to, and it
// tries a change once, on a connection of its own.
func MayHaveHappened(err error) bool {
	var failed *Error
	if !errors.As(err, &failed) || failed.Method == http.MethodGet {
		return false
	}
	switch {
	case failed.Status == 0:
		return failed.Sent
	case failed.Status == statusNoConnection:
		return false
	case failed.Err != nil, isGatewayStatus(failed.Status):
		return true
	case failed.Status < 500, failed.Status == http.StatusNotImplemented, failed.Status == 506:
		return false
	case !failed.FromProxmox, says(err, noWorkerText):
		return true
	case failed.Method == http.MethodPut && strings.HasSuffix(failed.Path, "/config"):
		return !refusedBeforeStoring(err)
	default:
		return false
	}
}

// AnsweredAfterStoring is whether Proxmox itself refused a config change at a
// point where it may have stored it. Nothing is under way any more: reading the
// configuration shows what is so.
func AnsweredAfterStoring(err error) bool {
	var failed *Error
	return errors.As(err, &failed) && MayHaveHappened(err) && failed.FromProxmox && failed.Err == nil && !isGatewayStatus(failed.Status) &&
		!says(err, noWorkerText) && failed.Method == http.MethodPut && strings.HasSuffix(failed.Path, "/config")
}

// refusedBeforeStoring knows the refusals of a config change that come before
// the file is written. Others come after: on a stopped container a missing
// bridge gives 500 with the change stored.
func refusedBeforeStoring(err error) bool {
	return IsNotExist(err) || IsLocked(err) || IsLockTimeout(err) || IsNoQuorum(err) ||
		IsDigestMismatch(err) || says(err, unstoredText)
}

var unstoredText = regexp.MustCompile(`no options specified|unable to (delete|modify) (required|read-only) option|protection mode enabled`)

func hasStatus(err error, status int) bool {
	var failed *Error
	return errors.As(err, &failed) && failed.Status == status
}

func says(err error, pattern *regexp.Regexp) bool { return pattern.MatchString(textOf(err)) }

// textOf is all that Proxmox said in an error, or nothing if it is not one of
// ours.
func textOf(err error) string {
	var failed *Error
	if errors.As(err, &failed) {
		return failed.Says()
	}
	var task *TaskError
	if errors.As(err, &task) {
		return task.ExitStatus
	}
	return ""
}

// statusNoConnection is the proxy's own status for a node that it could not
// connect to (AnyEvent::HTTP: an error while the connection is established).
const statusNoConnection = 595

// isGatewayStatus knows the statuses of somebody between us and the node:
// Proxmox's proxy invents 595 to 599, other gateways use 502 to 504.
func isGatewayStatus(status int) bool {
	return status >= 595 && status <= 599 || status >= 502 && status <= 504
}

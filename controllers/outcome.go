package controllers

import (
	"errors"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/inventory"
	"github.com/nixmox/nixmox-controller/internal/proxmox"
)

// Class is what an outcome means for kstatus; report turns it into conditions.
type Class int

// The classes. Only Stalled says that editing this very object can help.
const (
	// Reconciling: the controller goes on by itself. Ready is False.
	Reconciling Class = iota
	// Blind: Proxmox cannot be asked, so nobody knows. Ready is Unknown.
	Blind
	// Stalled: nothing happens until the object is edited. Ready is False.
	Stalled
	// Failing: something is wrong that no edit of this object mends. Ready is False.
	Failing
	// Settled: as desired. Ready is True.
	Settled
)

// Outcome is where a pass ended and what that means.
type Outcome struct {
	Class   Class
	Reason  string
	Message string
	// WaitingFor names the services that hold this one back.
	WaitingFor []string
	// On are the services whose change of readiness ends the wait, or is worth another look.
	On []types.NamespacedName
	// Again is when to look again without being woken; zero: only when something happens.
	Again time.Duration
	// Keep leaves the status as last judged.
	Keep bool
	// Err makes the work queue back off.
	Err error
}

func waiting(reason, format string, args ...any) Outcome {
	return Outcome{Class: Reconciling, Reason: reason, Message: fmt.Sprintf(format, args...)}
}

func stalled(reason, format string, args ...any) Outcome {
	return Outcome{Class: Stalled, Reason: reason, Message: fmt.Sprintf(format, args...)}
}

func failing(reason, format string, args ...any) Outcome {
	return Outcome{Class: Failing, Reason: reason, Message: fmt.Sprintf(format, args...)}
}

func settled(reason, format string, args ...any) Outcome {
	return Outcome{Class: Settled, Reason: reason, Message: fmt.Sprintf(format, args...)}
}

// again looks again after a while.
func (o Outcome) again(after time.Duration) Outcome {
	o.Again = after
	return o
}

const (
	soon  = 2 * time.Second
	later = 10 * time.Second
)

// classify says what an error of Proxmox means, once for every call. what names what was tried, in words that follow "could not".
func classify(err error, what string) Outcome {
	says := err.Error()
	var exhausted *inventory.ExhaustedError
	switch {
	case errors.As(err, &exhausted):
		return waiting(v1alpha1.ReasonVMIDRangeExhausted, "%s", exhausted).again(later)
	case errors.Is(err, inventory.ErrNotRead):
		return Outcome{Class: Blind, Reason: v1alpha1.ReasonHostUnreachable, Message: "Waiting for the first answer of Proxmox", Again: soon}
	case proxmox.IsUnauthorized(err):
		return Outcome{Class: Blind, Reason: v1alpha1.ReasonHostUnauthorized, Again: later,
			Message: "Proxmox refuses the credentials: check tokenID and tokenSecret in the host's Secret, and that the token is not expired; or username and password"}
	case proxmox.IsTLS(err):
		sentence, _ := proxmox.TLSProblem(err)
		return Outcome{Class: Blind, Reason: v1alpha1.ReasonHostUnreachable, Message: sentence, Again: later}
	case proxmox.IsUnreachable(err), proxmox.IsNoQuorum(err), errors.Is(err, proxmox.ErrMalformed):
		return Outcome{Class: Blind, Reason: v1alpha1.ReasonHostUnreachable, Message: "Proxmox does not answer: " + says, Again: later}
	case proxmox.IsForbidden(err):
		return Outcome{Class: Failing, Reason: v1alpha1.ReasonOperationFailed, Again: time.Minute,
			Message: fmt.Sprintf("Could not %s: the token lacks a privilege: %s", what, forbidden(err))}
	case proxmox.IsLocked(err), proxmox.IsLockTimeout(err):
		return waiting(v1alpha1.ReasonWaitingForLock, "Could not %s yet: %s", what, words(err)).again(later)
	case proxmox.IsDigestMismatch(err):
		return waiting(v1alpha1.ReasonRetrying, "The configuration was edited at the same moment; looking again").again(time.Second)
	}
	return failing(v1alpha1.ReasonOperationFailed, "Could not %s: %s", what, words(err)).again(later)
}

// words are Proxmox's own where it answered: the call's method and path help nobody who reads a status.
func words(err error) string {
	var refused *proxmox.Error
	if errors.As(err, &refused) && refused.Status != 0 {
		return refused.Says()
	}
	return err.Error()
}

func forbidden(err error) string {
	if path, privilege, ok := proxmox.MissingPrivilege(err); ok {
		return fmt.Sprintf("%s on %s; grant it on the node with `pveum acl modify %s --users USER --roles ROLE`, and to a token with privileges of its own "+
			"also with `--tokens TOKEN`", privilege, path, path)
	}
	return words(err)
}

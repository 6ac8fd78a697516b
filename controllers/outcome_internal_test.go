package controllers

import (
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/inventory"
	"github.com/nixmox/nixmox-controller/internal/proxmox"
)

func TestWhatErrorsMean(t *testing.T) {
	said := func(status int, message string) error {
		return fmt.Errorf("start container 900 on pve1: %w", &proxmox.Error{Method: "POST", Path: "/nodes/pve1/lxc/900/status/start", Endpoint: "https://pve1:8006",
			Status: status, Message: message, FromProxmox: true})
	}
	lost := func(cause error) error {
		return fmt.Errorf("read the list: %w", &proxmox.Error{Method: "GET", Path: "/cluster/resources", Endpoint: "https://pve1:8006", Err: cause})
	}
	for what, c := range map[string]struct {
		err    error
		class  Class
		reason string
		says   string
	}{
		"nothing read yet":   {inventory.ErrNotRead, Blind, "HostUnreachable", "Waiting for the first answer of Proxmox"},
		"no way there":       {lost(errors.New("connection refused")), Blind, "HostUnreachable", "Proxmox does not answer: "},
		"a node that is off": {said(595, ""), Blind, "HostUnreachable", "Proxmox does not answer: "},
		"a gateway":          {said(502, ""), Blind, "HostUnreachable", "Proxmox does not answer: "},
		"no quorum":          {said(500, "cluster not ready - no quorum?"), Blind, "HostUnreachable", "no quorum"},
		"nonsense":           {lost(proxmox.ErrMalformed), Blind, "HostUnreachable", "Proxmox does not answer: "},
		"a bad certificate":  {lost(x509.UnknownAuthorityError{}), Blind, "HostUnreachable", "authority that we do not trust"},
		"a bad token":        {said(401, ""), Blind, "HostUnauthorized", "check tokenID and tokenSecret"},
		"a missing privilege": {said(403, "Permission check failed (/vms/900, VM.PowerMgmt)"), Failing, "OperationFailed",
			"Could not start it: the token lacks a privilege: VM.PowerMgmt on /vms/900; grant it on the node with `pveum acl modify /vms/900"},
		"another refusal of rights": {said(403, "Permission check failed (only root@pam)"), Failing, "OperationFailed", "only root@pam"},
		"a lock":                    {said(500, "CT is locked (backup)"), Reconciling, "WaitingForLock", "Could not start it yet: CT is locked (backup)"},
		"a lock that takes long":    {said(500, "can't lock file '/run/lock/lxc/pve-config-900.lock' - got timeout"), Reconciling, "WaitingForLock", "got timeout"},
		"somebody else's edit":      {said(500, "detected modified configuration - file changed by other user? Try again."), Reconciling, "Retrying", "edited at the same moment"},
		"no VMID left":              {&inventory.ExhaustedError{From: 900, To: 901}, Reconciling, "VMIDRangeExhausted", "no free VMID from 900 to 901"},
		"anything else":             {said(500, "storage is full"), Failing, "OperationFailed", "Could not start it: storage is full"},
		"a refused parameter": {fmt.Errorf("x: %w", &proxmox.Error{Status: 400, Message: "Parameter verification failed.", Fields: map[string]string{"memory": "too big"}}),
			Failing, "OperationFailed", "Could not start it: Parameter verification failed: memory: too big"},
		"something of ours": {errors.New("a surprise"), Failing, "OperationFailed", "Could not start it: a surprise"},
	} {
		o := classify(c.err, "start it")
		if o.Class != c.class || o.Reason != c.reason || !strings.Contains(o.Message, c.says) {
			t.Errorf("%s: class %d, reason %s, message %q", what, o.Class, o.Reason, o.Message)
		}
		if o.Again <= 0 {
			t.Errorf("%s: nobody looks again", what)
		}
	}
}

func TestReconcilingAndStalledNeverStandTogether(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var conditions []metav1.Condition
		for at := range rapid.IntRange(1, 20).Draw(t, "passes") {
			class := Class(rapid.IntRange(int(Reconciling), int(Settled)).Draw(t, "class"))
			reason := rapid.SampledFrom([]string{"One", "Two"}).Draw(t, "reason")
			summarize(&conditions, int64(at), Outcome{Class: class, Reason: reason}, "a message")
			is := func(condition string) bool { return meta.IsStatusConditionTrue(conditions, condition) }
			ready, reconciling, stuck := is(v1alpha1.ConditionReady), is(v1alpha1.ConditionReconciling), is(v1alpha1.ConditionStalled)
			if ready != (class == Settled) || reconciling != (class == Reconciling || class == Blind) || stuck != (class == Stalled) {
				t.Fatalf("class %d: ready %v, reconciling %v, stalled %v", class, ready, reconciling, stuck)
			}
			for _, c := range conditions {
				if c.Type != v1alpha1.ConditionReady && c.Status != metav1.ConditionTrue {
					t.Fatalf("%s is there and not true", c.Type)
				}
				if c.Reason != reason || c.ObservedGeneration != int64(at) {
					t.Fatalf("%s was left behind: %+v", c.Type, c)
				}
			}
			if unknown := meta.IsStatusConditionPresentAndEqual(conditions, v1alpha1.ConditionReady, metav1.ConditionUnknown); unknown != (class == Blind) {
				t.Fatalf("class %d: unknown %v", class, unknown)
			}
		}
	})
}

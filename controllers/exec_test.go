package controllers_test

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/pvesim/sshd"
)

// execReason waits for a reason of the host's condition ExecReady, and for words in its message.
func (l *lab) execReason(reason string, says ...string) {
	l.t.Helper()
	var c *metav1.Condition
	l.eventually("ExecReady is "+reason+": "+strings.Join(says, ", "), func() bool {
		if c = meta.FindStatusCondition(l.getHost().Status.Conditions, v1alpha1.ConditionExecReady); c == nil || c.Reason != reason {
			return false
		}
		for _, words := range says {
			if !strings.Contains(c.Message, words) {
				return false
			}
		}
		return true
	})
	if (c.Status == metav1.ConditionTrue) != (reason == v1alpha1.ReasonExecReady) {
		l.t.Errorf("%s is %s", reason, c.Status)
	}
}

func TestTheHostSaysWhetherCommandsCanBeRun(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.host(func(h *v1alpha1.NixMoxHost) { h.Spec.Exec = nil })
	l.service("a", checked(11, "a", ""))
	l.service("b", service(12, "hostname: b"))
	l.execReason(v1alpha1.ReasonExecNotConfigured, "(spec.exec)", "needed by a")

	stranger := "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINmUm0rGJLBrQNoRkq0Y0wTxq7cV8mCJLLJRcF0bYI2h"
	ssh := v1alpha1.SSHSettings{
		User: "root", Port: 22, PrivateKeySecretRef: v1alpha1.SecretReference{Name: "later"}, KnownHosts: stranger,
		Addresses: map[string]v1alpha1.NodeAddress{"pve1": v1alpha1.NodeAddress(l.ssh.Address())},
	}
	l.editHost(func(h *v1alpha1.NixMoxHost) { h.Spec.Exec = &v1alpha1.ExecSettings{SSH: ssh} })
	l.execReason(v1alpha1.ReasonExecKeyMissing, "Waiting for Secret "+l.namespace+"/later with ssh-privatekey", "needed by a")

	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "later"}, StringData: map[string]string{"ssh-privatekey": "no key"}}
	l.create(secret)
	l.execReason(v1alpha1.ReasonExecInvalid, "the private key cannot be read")

	key, err := sshd.NewKey()
	l.must(err)
	secret.StringData = map[string]string{"ssh-privatekey": string(key)}
	l.must(l.api.Client.Update(t.Context(), secret))
	l.editHost(func(h *v1alpha1.NixMoxHost) { h.Spec.Exec.SSH.User = "admin" })
	l.execReason(v1alpha1.ReasonExecUnreachable, "pve1 offers the host key", l.ssh.HostKey(), "needed by a")

	l.editHost(func(h *v1alpha1.NixMoxHost) { h.Spec.Exec.SSH.KnownHosts = l.ssh.HostKey() })
	l.execReason(v1alpha1.ReasonExecReady)
	l.ready("a", "b")
}

package controllers_test

import (
	"encoding/pem"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/pvesim"
	"github.com/nixmox/nixmox-controller/internal/pvesim/calllog"
)

// putSecret writes a Secret, new or not, and leaves nothing in it of before.
func (l *lab) putSecret(name string, data map[string]string) {
	l.t.Helper()
	_ = l.api.Client.Delete(l.t.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: l.namespace, Name: name}})
	l.create(&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: name}, StringData: data})
}

func TestTheTokenIsChangedInTheMiddleOfARollOut(t *testing.T) {
	t.Parallel()
	l := newLab(t, func(_ *lab, world *string) { *world = strings.Replace(*world, `"vzcreate": 2`, `"vzcreate": 30`, 1) })
	l.host()
	l.service("a", checked(11, "a", ""))
	l.service("b", checked(12, "b", ", dependsOn: [a]"))
	l.eventually("a is being created", func() bool { return l.begun("vzcreate", 900) == 1 })
	// Another token of the same user: it may not even see the task that runs.
	l.pve.SetToken(pvesim.Token{ID: "nixmox@pve!new", Secret: "n3w-n3w-n3w"})
	l.pve.RemoveToken("nixmox@pve!ctl")
	l.putSecret("pve", map[string]string{"tokenID": "nixmox@pve!new", "tokenSecret": "n3w-n3w-n3w"})
	l.ready("a", "b")
	if n := l.begun("vzcreate", 0); n != 2 {
		t.Errorf("%d creations of two containers", n)
	}
	if n := l.log.calls(func(e calllog.Entry) bool { return e.Method == "POST" && e.Token == "nixmox@pve!new" }); n == 0 {
		t.Error("the new token was not used")
	}
}

func TestAUserWithAPasswordIsLoggedInAndStaysSo(t *testing.T) {
	t.Parallel()
	l := newLab(t, func(_ *lab, world *string) {
		*world = strings.Replace(*world, `"users": {"nixmox@pve": {`, `"users": {"nixmox@pve": {"password": "pw", `, 1)
	})
	l.putSecret("pve", map[string]string{"username": "nixmox@pve", "password": "pw"})
	l.host()
	l.service("a", checked(11, "a", ""))
	l.ready("a")
	l.pve.ExpireTickets()
	l.service("b", checked(12, "b", ""))
	l.ready("b")
	if n := l.log.calls(func(e calllog.Entry) bool { return e.Token != "" }); n > 0 {
		t.Errorf("%d calls were made with a token", n)
	}
}

func TestTheAuthorityComesFromASecretAndMayChange(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	ours, theirs := newClusters(t), newClusters(t)
	first, second := ours.pem(), theirs.pem()
	secure := l.secured(ours.issue(time.Hour))
	l.host(func(h *v1alpha1.NixMoxHost) {
		h.Spec.Endpoints = []string{secure.URL}
		h.Spec.TLS = &v1alpha1.TLSSettings{CASecretRef: &v1alpha1.SecretKeyReference{Name: "ca"}}
	})
	l.service("a", checked(11, "a", ""))
	l.hosted(metav1.ConditionFalse, v1alpha1.ReasonCredentials, "Waiting for Secret "+l.namespace+"/ca with ca.crt")
	l.putSecret("ca", map[string]string{"other": first})
	l.hosted(metav1.ConditionFalse, v1alpha1.ReasonCredentials, "spec.tls.caSecretRef")
	l.putSecret("ca", map[string]string{"ca.crt": second})
	l.hosted(metav1.ConditionUnknown, v1alpha1.ReasonHostUnreachable, "signed by an authority that we do not trust")
	l.putSecret("ca", map[string]string{"ca.crt": first})
	l.hosted(metav1.ConditionTrue, v1alpha1.ReasonConnected)
	l.ready("a")
	// The server gets a certificate of another authority: it is not worked with until the Secret says so.
	secure.swap(theirs.issue(time.Hour))
	l.hosted(metav1.ConditionUnknown, v1alpha1.ReasonHostUnreachable, "signed by an authority that we do not trust")
	l.putSecret("ca", map[string]string{"ca.crt": second})
	l.hosted(metav1.ConditionTrue, v1alpha1.ReasonConnected)
}

func TestACertificateThatIsNotVerifiedIsWarnedOf(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	secure := httptest.NewTLSServer(l.pve.Handler())
	t.Cleanup(secure.Close)
	l.host(func(h *v1alpha1.NixMoxHost) {
		h.Spec.Endpoints, h.Spec.TLS = []string{secure.URL}, &v1alpha1.TLSSettings{InsecureSkipVerify: true}
	})
	l.hosted(metav1.ConditionTrue, v1alpha1.ReasonConnected)
	warning := func() *metav1.Condition {
		return meta.FindStatusCondition(l.getHost().Status.Conditions, v1alpha1.ConditionInsecure)
	}
	if c := warning(); c == nil || c.Status != metav1.ConditionTrue || !strings.Contains(c.Message, "whoever is on the way can read the credentials") {
		t.Errorf("the warning is %v", c)
	}
	l.editHost(func(h *v1alpha1.NixMoxHost) {
		h.Spec.TLS = &v1alpha1.TLSSettings{CABundle: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw}))}
	})
	l.eventually("the warning is gone", func() bool { return warning() == nil })
}

func TestThePreflightNamesWhatIsMissing(t *testing.T) {
	t.Parallel()
	l := newLab(t, func(_ *lab, world *string) {
		*world = strings.NewReplacer(`"VM.PowerMgmt", `, "", `, "/sdn/zones/localnetwork/vmbr0": "PVESDNUser"`, "", `, "/storage/local-zfs": "NixMoxStorage"`, "").Replace(*world)
	})
	l.host()
	check := func(name string) v1alpha1.PreflightCheck {
		for _, c := range l.getHost().Status.Preflight {
			if c.Name == name {
				return c
			}
		}
		return v1alpha1.PreflightCheck{}
	}
	l.eventually("the preflight is there", func() bool { return check("template").OK })
	for name, want := range map[string][2]string{
		"privileges": {"nixmox@pve!ctl lacks VM.PowerMgmt on /vms", `pveum role add NixMoxMissing --privs "VM.PowerMgmt" && pveum acl modify /vms --users nixmox@pve --roles NixMoxMissing`},
		"storages":   {"lacks Datastore.AllocateSpace, Datastore.Audit on /storage/local-zfs", "pveum acl modify /storage/local-zfs --users nixmox@pve --roles PVEDatastoreUser"},
		"bridge":     {"lacks SDN.Use on /sdn/zones/localnetwork/vmbr0", "pveum acl modify /sdn/zones/localnetwork/vmbr0 --users nixmox@pve --roles PVESDNUser"},
	} {
		if c := check(name); c.OK || !strings.Contains(c.Message, want[0]) || !strings.Contains(c.Fix, want[1]) {
			t.Errorf("%s: %+v", name, c)
		}
	}
	for path, role := range map[string]string{"/vms": "PVEVMAdmin", "/storage/local-zfs": "NixMoxStorage", "/sdn/zones/localnetwork/vmbr0": "PVESDNUser"} {
		l.must(l.pve.SetACL("nixmox@pve", path, role))
	}
	l.editHost(func(h *v1alpha1.NixMoxHost) { h.Spec.Rollout.MaxConcurrent = 3 })
	l.eventually("nothing is missing any more", func() bool { return check("privileges").OK && check("storages").OK && check("bridge").OK })
}

func TestThePreflightLooksAtWhatServicesAndPolicyName(t *testing.T) {
	t.Parallel()
	l := newLab(t, three)
	l.must(l.pve.SetACL("nixmox@pve", "/storage/fast", ""))
	l.host(func(h *v1alpha1.NixMoxHost) {
		h.Spec.Policy = v1alpha1.HostPolicy{Bridges: []string{"vmbr7"}, Templates: []string{"local:vztmpl/gone.tar.xz", "local:vztmpl/*", "shelf:*"}}
	})
	l.service("a", service(11, `hostname: a, template: "shelf:vztmpl/special.tar.xz", volumes: [{name: data, mountPath: /data, size: 1Gi, storage: fast}]`))
	l.service("b", service(12, `hostname: b, network: {vlanTag: 42}, volumes: [{name: data, mountPath: /data, size: 1Gi, storage: tape}]`))
	l.service("off", service(13, `hostname: off, enable: false, volumes: [{name: data, mountPath: /data, size: 1Gi, storage: unused}]`))
	says := func(name string, parts ...string) {
		t.Helper()
		var last v1alpha1.PreflightCheck
		defer func() {
			if t.Failed() {
				t.Logf("it is %+v", last)
			}
		}()
		l.eventually(fmt.Sprintf("the check %q says %q", name, parts), func() bool {
			for _, c := range l.getHost().Status.Preflight {
				if c.Name == name {
					last = c
				}
			}
			for _, part := range parts {
				if !strings.Contains(last.Message+" "+last.Fix, part) {
					return false
				}
			}
			return !last.OK && !strings.Contains(last.Message, "unused")
		})
	}
	says("storages", "lacks Datastore.AllocateSpace, Datastore.Audit on /storage/fast", "/storage/tape", "pveum acl modify /storage/fast --users nixmox@pve --roles PVEDatastoreUser && ")
	says("bridge", "/sdn/zones/localnetwork/vmbr7", "pveum acl modify /sdn/zones/localnetwork/vmbr7")
	says("template", "the template local:vztmpl/gone.tar.xz, which the host's spec names", "pveam list local")
	l.must(l.pve.SetACL("nixmox@pve", "/storage/tape", "NixMoxStorage")) // granted, and there is none
	l.editHost(func(h *v1alpha1.NixMoxHost) { h.Spec.Policy.Bridges, h.Spec.Policy.Templates = nil, nil })
	says("storages", `Proxmox has no storage "tape", which service b needs`)
	l.eventually("the rest is in order", func() bool {
		checks := map[string]v1alpha1.PreflightCheck{}
		for _, c := range l.getHost().Status.Preflight {
			checks[c.Name] = c
		}
		return checks["bridge"].OK && checks["bridge"].Message == "Can be used: vmbr0, vmbr0/42" && checks["template"].OK &&
			checks["template"].Message == "There: local:vztmpl/nixos.tar.xz, shelf:vztmpl/special.tar.xz"
	})
}

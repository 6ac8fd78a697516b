package controllers_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/proxmox"
	"github.com/nixmox/nixmox-controller/internal/pvesim/calllog"
)

// inPerson has the controller log in as root@pam with a password.
func inPerson(_ *lab, world *string) {
	*world = strings.Replace(*world, `"users": {`, `"users": {"root@pam": {"password": "secret", "acl": {"/": "Administrator"}}, `, 1)
}

// asRoot is a host of somebody who logs in as root@pam, and who allows a folder of the nodes to be mounted.
func (l *lab) asRoot(hostPaths ...string) {
	l.t.Helper()
	l.putSecret("pve", map[string]string{"username": "root@pam", "password": "secret"})
	l.host(func(h *v1alpha1.NixMoxHost) { h.Spec.Policy.HostPaths = hostPaths })
}

const media = `, volumes: [{name: data, mountPath: /data, size: 1Gi}, {name: media, mountPath: /media, hostPath: /tank/media, readOnly: true}]`

func TestAPathOfTheNodeIsMounted(t *testing.T) {
	t.Parallel()
	l := newLab(t, inPerson)
	l.asRoot("/srv/share", "/tank")
	l.service("a", checked(11, "a", media))
	l.ready("a")
	has := func(want string) func() bool {
		return func() bool { c := l.container("a"); return c.Config["mp1"] == want && c.Running && len(c.Pending) == 0 }
	}
	if !has("/tank/media,mp=/media,ro=1")() {
		t.Fatalf("it has %v", l.container("a").Config)
	}
	data := l.container("a").Config["mp0"]
	if v := l.get("a").Status.Observed.Volumes; len(v) != 2 || v[1].Volume != "/tank/media" || v[1].Size != "" || len(l.get("a").Status.Observed.Unmanaged) > 0 {
		t.Errorf("shown are %+v", v)
	}
	if m := markerOf(l.container("a")); m.Volumes["media"] != "mp1" || m.VolumeIDs["media"] != "" {
		t.Errorf("marked are %v and %v", m.Volumes, m.VolumeIDs)
	}
	if _, granted := l.get("a").Status.Granted["media"]; granted || l.getHost().Status.Identity != "root@pam" {
		t.Errorf("granted are %v to %s", l.get("a").Status.Granted, l.getHost().Status.Identity)
	}

	// Another folder, to be written to, with one restart; what somebody set beside is left.
	l.must(l.pve.Edit(900, map[string]string{"mp1": "/tank/media,mp=/media,mountoptions=noatime,ro=1", "mp7": "/theirs,mp=/theirs"}))
	l.edit("a", func(s *v1alpha1.NixMoxService) {
		s.Spec.Volumes[1].HostPath, s.Spec.Volumes[1].ReadOnly = "/tank/films", false
	})
	l.eventually("it has the other", has("/tank/films,mp=/media,mountoptions=noatime"))
	l.ready("a")
	if n := l.begun("vzshutdown", 900); n != 1 {
		t.Errorf("%d restarts", n)
	}
	// Edited by hand it is put back; taken away by hand it is mounted again, at once.
	l.must(l.pve.Edit(900, map[string]string{"mp1": "/tank/else,mp=/media,mountoptions=noatime"}))
	l.eventually("it is put back", has("/tank/films,mp=/media,mountoptions=noatime"))
	l.ready("a")
	l.must(l.pve.Edit(900, map[string]string{"mp1": ""}))
	l.eventually("it is mounted again", func() bool { return strings.Contains(l.container("a").Config["mp1"], "/tank/films,mp=/media") })
	l.ready("a")

	// Out of the spec it is out of the container, with nothing kept and nothing else touched.
	l.edit("a", func(s *v1alpha1.NixMoxService) { s.Spec.Volumes = s.Spec.Volumes[:1] })
	l.eventually("it is taken away", func() bool { c := l.container("a"); return c.Config["mp1"] == "" && c.Running && len(c.Pending) == 0 })
	l.ready("a")
	l.eventually("it is forgotten", func() bool { return len(l.get("a").Status.Observed.Volumes) == 1 })
	c := l.container("a")
	if c.Config["mp0"] != data || c.Config["mp7"] != "/theirs,mp=/theirs" || len(markerOf(c).Volumes) != 1 {
		t.Errorf("left are %v", c.Config)
	}
	for key := range c.Config {
		if strings.HasPrefix(key, "unused") {
			t.Errorf("%s is %s", key, c.Config[key])
		}
	}
	// Its name is free for a volume of its own now: nothing is kept under it.
	l.edit("a", func(s *v1alpha1.NixMoxService) {
		s.Spec.Volumes = nil
		l.parse(`[{name: data, mountPath: /data, size: 1Gi}, {name: media, mountPath: /media, size: 1Gi}]`, &s.Spec.Volumes)
	})
	l.ready("a")
	if c := l.container("a"); !strings.Contains(c.Config["mp1"], "local-zfs:subvol-900-disk-2,mp=/media") {
		t.Errorf("it has %v", c.Config)
	}
	l.edit("a", func(s *v1alpha1.NixMoxService) {
		s.Spec.Volumes = nil
		l.parse(`[{name: data, mountPath: /data, size: 1Gi}, {name: media, mountPath: /media, hostPath: /tank/media}]`, &s.Spec.Volumes)
	})
	l.situated("a", v1alpha1.ReasonChangeRefused, needsEdit, "a name stands for a path of the node or for a volume, and for ever")
}

func TestAPathOfTheNodeIsForWhomTheHostAllowsIt(t *testing.T) {
	t.Parallel()
	l := newLab(t, inPerson)
	l.asRoot()
	l.service("a", checked(11, "a", media))
	l.situated("a", v1alpha1.ReasonPolicyRefused, needsEdit, "host default does not allow /tank/media, the path of volume media, and none is allowed (spec.policy.hostPaths)")
	l.editHost(func(h *v1alpha1.NixMoxHost) {
		h.Spec.Policy.HostPaths = []string{"/tank/me", "/tank/media/films", "/srv"}
	})
	l.situated("a", v1alpha1.ReasonPolicyRefused, needsEdit, "only what is in /tank/me, /tank/media/films, /srv")
	if n := len(l.pve.Containers()); n > 0 {
		t.Fatalf("%d containers", n)
	}
	l.editHost(func(h *v1alpha1.NixMoxHost) { h.Spec.Policy.HostPaths = []string{"/tank"} })
	l.ready("a")
}

func TestAnAPITokenIsToldWhatToDoAboutAPathOfTheNode(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.host(func(h *v1alpha1.NixMoxHost) { h.Spec.Policy.HostPaths = []string{"/tank"} })
	const why = "Proxmox lets only root@pam in person mount a path of the node, and no API token"
	l.service("a", checked(11, "a", media))
	l.service("b", checked(12, "b", ""))
	l.situated("a", v1alpha1.ReasonChangeRefused, needsEdit, "volume media none -> /tank/media of the node at /media, read-only: "+why, "`pct set VMID -mpN /tank/media,mp=/media,ro=1`")
	l.ready("b")
	vmid := int(l.get("b").Status.VMID)
	volumes := func(s *v1alpha1.NixMoxService) {
		l.parse(`[{name: media, mountPath: /media, hostPath: /tank/media, readOnly: true}]`, &s.Spec.Volumes)
	}
	l.edit("b", volumes)
	l.situated("b", v1alpha1.ReasonChangeRefused, needsEdit, why)
	// Set on the node as the message says, it is the service's from then on.
	l.must(l.pve.Edit(vmid, map[string]string{"mp4": "/tank/media,mp=/media,ro=1"}))
	l.situated("b", v1alpha1.ReasonHealthy, isGood)
	l.eventually("it is the service's", func() bool {
		s := l.get("b")
		return markerOf(l.container("b")).Volumes["media"] == "mp4" && len(s.Status.Observed.Unmanaged) == 0 && len(s.Status.Plan) == 0
	})
	// A token may take it away again.
	l.edit("b", func(s *v1alpha1.NixMoxService) { s.Spec.Volumes = nil })
	l.eventually("it is taken away", func() bool { c := l.container("b"); return c.Config["mp4"] == "" && c.Running })
	l.ready("b")
	for _, e := range l.log.entries() {
		if e.Kind == calllog.KindCall && e.Status == http.StatusForbidden {
			t.Errorf("%s %s was refused by Proxmox", e.Method, e.Path)
		}
	}
}

// What Proxmox keeps for root@pam in person works for it, from login to restart, also when its ticket ends on the way.
func TestRootInPersonSetsWhatNobodyElseMay(t *testing.T) {
	t.Parallel()
	l := newLab(t, inPerson)
	l.asRoot()
	l.service("a", checked(11, "a", ", features: {keyctl: true, mount: [nfs]}"))
	l.ready("a")
	features := func(want proxmox.Features) func() bool {
		return func() bool {
			c := l.container("a")
			has, err := proxmox.ParseFeatures(c.Config["features"])
			return err == nil && has.Equal(want) && c.Running && len(c.Pending) == 0
		}
	}
	if !features(proxmox.Features{Nesting: true, Keyctl: true, Mount: []string{"nfs"}})() {
		t.Fatalf("features are %q", l.container("a").Config["features"])
	}
	l.pve.ExpireTickets()
	l.edit("a", func(s *v1alpha1.NixMoxService) {
		s.Spec.Features = &v1alpha1.Features{FUSE: ptr(true), Mount: []string{"nfs", "cifs"}}
	})
	l.eventually("keyctl is taken back, fuse is set", features(proxmox.Features{Nesting: true, FUSE: true, Mount: []string{"cifs", "nfs"}}))
	l.ready("a")
	l.edit("a", func(s *v1alpha1.NixMoxService) { s.Spec.Features = &v1alpha1.Features{Nesting: ptr(false)} })
	l.eventually("nothing is left of them", features(proxmox.Features{}))
	l.ready("a")
	if n := l.begun("vzshutdown", 900); n != 2 {
		t.Errorf("%d restarts for two changes", n)
	}
	// A privileged container's features are for root@pam alone too.
	l.service("b", checked(12, "b", ", unprivileged: false, features: {nesting: true}"))
	l.ready("b")
	if c := l.container("b"); c.Config["features"] != "nesting=1" || c.Config["unprivileged"] == "1" {
		t.Errorf("b has %v", c.Config)
	}
	if n := l.log.calls(func(e calllog.Entry) bool { return e.Token != "" }); n > 0 {
		t.Errorf("%d calls were made with a token", n)
	}
}

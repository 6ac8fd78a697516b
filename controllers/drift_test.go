package controllers_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/proxmox"
	"github.com/nixmox/nixmox-controller/internal/pvesim"
	"github.com/nixmox/nixmox-controller/internal/pvesim/calllog"
)

func TestWhatSomebodyStoppedIsStartedAgain(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.host()
	l.service("a", service(11, `hostname: a, healthCheck: systemctl is-active --quiet a, restartPolicy: always`))
	l.ready("a")
	l.must(l.pve.Stop(900))
	l.eventually("it runs again", func() bool { return l.container("a").Running && l.begun("vzstart", 900) == 2 })
	l.ready("a")
	l.one("a")
}

func TestWhatSomebodyEditedIsPutBack(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		edit    map[string]string
		want    map[string]string // afterwards; a value that ends in * is a beginning
		restart bool
	}{
		{name: "memory and swap", edit: map[string]string{"memory": "64", "swap": "128"}, want: map[string]string{"memory": "512", "swap": "512"}},
		{name: "cpu", edit: map[string]string{"cores": "4", "cpulimit": "0.5"}, want: map[string]string{"cores": "1", "cpulimit": ""}},
		{name: "tags", edit: map[string]string{"tags": "theirs"}, want: map[string]string{"tags": "db;nixmox"}},
		{name: "boot", edit: map[string]string{"onboot": "0", "startup": "order=9,up=30"}, want: map[string]string{"onboot": "1", "startup": "order=1,up=30"}},
		{name: "hostname", edit: map[string]string{"hostname": "theirs"}, want: map[string]string{"hostname": "a.lan"}, restart: true},
		{name: "marker", edit: map[string]string{"description": "mine now"}, want: map[string]string{"description": "mine now*"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t)
			l.host()
			l.service("a", service(11, `hostname: a, tags: [db], resources: {memory: 512Mi, swap: 512Mi, cpu: "1"}`))
			l.ready("a")
			before := l.container("a")
			l.must(l.pve.Edit(900, c.edit))
			l.eventually("it is put back", func() bool {
				now := l.container("a").Config
				for key, value := range c.want {
					if begins, is := strings.CutSuffix(value, "*"); now[key] != value && (!is || !strings.HasPrefix(now[key], begins)) {
						return false
					}
				}
				return len(l.ofService("a")) == 1
			})
			l.eventually("it is ready, with nothing left to do", func() bool {
				s := l.get("a")
				return l.container("a").Running && len(s.Status.Plan) == 0 && meta.IsStatusConditionTrue(s.Status.Conditions, v1alpha1.ConditionReady)
			})
			now := l.container("a")
			if now.Config["net0"] != before.Config["net0"] || now.Config["rootfs"] != before.Config["rootfs"] {
				t.Errorf("changed with it: %v", now.Config)
			}
			if restarted := l.begun("vzshutdown", 900) > 0; restarted != c.restart {
				t.Errorf("restarted: %v", restarted)
			}
		})
	}
}

func TestTheAddressIsPutBackAndEverythingElseOfTheInterfaceKept(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.host()
	l.service("a", service(11, `hostname: a`))
	l.ready("a")
	net := l.container("a").Config["net0"]
	theirs := strings.Replace(net, "192.168.99.11/24", "192.168.99.200/24", 1) + ",rate=10,mtu=1400"
	l.must(l.pve.Edit(900, map[string]string{"net0": theirs, "net1": "name=eth1,bridge=vmbr0,hwaddr=BC:24:11:99:99:99,ip=dhcp,type=veth"}))
	l.eventually("the address is put back", func() bool { return strings.Contains(l.container("a").Config["net0"], "ip=192.168.99.11/24") })
	now := l.container("a").Config
	was, err := proxmox.ParseNet(net)
	l.must(err)
	is, err := proxmox.ParseNet(now["net0"])
	l.must(err)
	if is.HWAddr != was.HWAddr || !strings.Contains(now["net0"], "rate=10") || !strings.Contains(now["net0"], "mtu=1400") {
		t.Errorf("net0 was %s, is %s", theirs, now["net0"])
	}
	if !strings.Contains(now["net1"], "BC:24:11:99:99:99") {
		t.Errorf("net1 is %q", now["net1"])
	}
	l.eventually("what is not managed is shown", func() bool { return slices.Equal(l.get("a").Status.Observed.Unmanaged, []string{"net1"}) })
}

func TestAChangeOfTheSpecIsAppliedInPlace(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name       string
		change     func(*v1alpha1.NixMoxServiceSpec)
		done       func(config map[string]string) bool
		configures int
	}{
		{"memory and cpu are one call", func(s *v1alpha1.NixMoxServiceSpec) {
			s.Resources.Memory, s.Resources.CPU = ptr(resource.MustParse("1Gi")), ptr(resource.MustParse("1500m"))
		}, func(c map[string]string) bool {
			return c["memory"] == "1024" && c["cores"] == "2" && c["cpulimit"] == "1.5"
		}, 1},
		{"disk", func(s *v1alpha1.NixMoxServiceSpec) {
			s.Resources.Storage, s.Volumes[0].Size = ptr(resource.MustParse("20Gi")), resource.MustParse("3Gi")
		}, func(c map[string]string) bool {
			return strings.Contains(c["rootfs"], "size=20G") && strings.Contains(c["mp0"], "size=3G")
		}, 0},
		{"new volume", func(s *v1alpha1.NixMoxServiceSpec) {
			s.Volumes = append([]v1alpha1.Volume{{Name: "wal", MountPath: "/wal", Size: resource.MustParse("2Gi")}}, s.Volumes...)
		}, func(c map[string]string) bool {
			return strings.Contains(c["mp1"], "mp=/wal") && strings.Contains(c["mp0"], "mp=/data") && strings.Contains(c["description"], "data=mp0 wal=mp1")
		}, 1},
		{"rate limit", func(s *v1alpha1.NixMoxServiceSpec) { s.Network.RateLimit = ptr(resource.MustParse("12.5")) }, func(c map[string]string) bool {
			return strings.Contains(c["net0"], "rate=12.5")
		}, 1},
		{"from IPv4 to IPv6", func(s *v1alpha1.NixMoxServiceSpec) { s.IP = "fd00::77/64" }, func(c map[string]string) bool {
			return strings.Contains(c["net0"], "ip6=fd00::77/64") && !strings.Contains(c["net0"], "ip=192") && !strings.Contains(c["net0"], "gw=")
		}, 1},
		{"gateway, VLAN and firewall are one call", func(s *v1alpha1.NixMoxServiceSpec) {
			s.Network.Gateway, s.Network.VLANTag, s.Network.Firewall = "192.168.99.254", ptr(int32(42)), ptr(true)
		}, func(c map[string]string) bool {
			return strings.Contains(c["net0"], "gw=192.168.99.254") && strings.Contains(c["net0"], "tag=42") && strings.Contains(c["net0"], "firewall=1")
		}, 1},
		{"tags", func(s *v1alpha1.NixMoxServiceSpec) { s.Tags = []string{"zebra", "db"} }, func(c map[string]string) bool {
			return c["tags"] == "db;nixmox;zebra"
		}, 1},
		{"boot order", func(s *v1alpha1.NixMoxServiceSpec) { s.RestartPolicy = v1alpha1.RestartNever }, func(c map[string]string) bool {
			return c["onboot"] == "0"
		}, 1},
		{"address", func(s *v1alpha1.NixMoxServiceSpec) { s.IP = "192.168.99.77" }, func(c map[string]string) bool {
			return strings.Contains(c["net0"], "ip=192.168.99.77/24")
		}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t)
			l.host()
			l.service("a", service(11, `hostname: a, network: {}, volumes: [{name: data, mountPath: /data, size: 1Gi}]`))
			l.ready("a")
			before := l.container("a")
			l.edit("a", func(s *v1alpha1.NixMoxService) { c.change(&s.Spec) })
			l.eventually("it is applied", func() bool { return c.done(l.container("a").Config) })
			l.ready("a")
			l.eventually("nothing is left to do", func() bool { return len(l.get("a").Status.Plan) == 0 })
			if n := l.configures(); n != c.configures {
				t.Errorf("%d changes of the configuration, not %d", n, c.configures)
			}
			if l.begun("vzshutdown", 0) > 0 || l.begun("vzstart", 0) != 1 {
				t.Error("it was restarted")
			}
			if now := l.container("a"); macOf(now.Config["net0"]) != macOf(before.Config["net0"]) {
				t.Errorf("net0 was %s, is %s", before.Config["net0"], now.Config["net0"])
			}
			l.one("a")
		})
	}
}

func macOf(net string) string {
	n, _ := proxmox.ParseNet(net)
	return n.HWAddr
}

func TestANewHostnameOwesOneRestart(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	owed := make(chan []string, 4)
	l.between(func(r *http.Request) passage {
		if r.Method == http.MethodPut && strings.HasSuffix(r.URL.Path, "/config") {
			owed <- l.get("a").Status.RestartOwed // what is remembered before the call
		}
		return goesThrough
	})
	l.host()
	l.service("a", service(11, `hostname: a, restartPolicy: never`))
	l.ready("a")
	l.edit("a", func(s *v1alpha1.NixMoxService) { s.Spec.Hostname = "renamed" })
	l.eventually("it was restarted under its new name", func() bool {
		return l.container("a").Config["hostname"] == "renamed.lan" && l.begun("vzstart", 900) == 2
	})
	l.ready("a")
	if got := <-owed; len(got) != 1 || got[0] != "hostname" {
		t.Errorf("owed before the call: %v", got)
	}
	if s := l.get("a"); len(s.Status.RestartOwed) > 0 || l.begun("vzshutdown", 900) != 1 || l.configures() != 1 {
		t.Errorf("owed %v, %d shutdowns, %d changes of the configuration", s.Status.RestartOwed, l.begun("vzshutdown", 900), l.configures())
	}
}

func TestNotesInTheDescriptionAreKept(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.host()
	l.service("a", service(11, `hostname: a`))
	l.ready("a")
	l.must(l.pve.Edit(900, map[string]string{"description": "# Our database\n\nask Eve\n" + l.container("a").Config["description"]}))
	l.edit("a", func(s *v1alpha1.NixMoxService) {
		s.Spec.Volumes = []v1alpha1.Volume{{Name: "data", MountPath: "/data", Size: resource.MustParse("1Gi")}}
	})
	l.eventually("the volume is there", func() bool { return l.container("a").Config["mp0"] != "" })
	if d := l.container("a").Config["description"]; !strings.Contains(d, "# Our database\n\nask Eve\n") || !strings.Contains(d, "nixmox-volumes: data=mp0") {
		t.Errorf("the description is now:\n%s", d)
	}
	l.delete("a")
	l.gone("a")
	if c, _ := l.pve.Container(900); !strings.Contains(c.Config["description"], "ask Eve") || markerOf(c).State != "retained" {
		t.Errorf("retained with:\n%s", c.Config["description"])
	}
}

func TestAMigratedContainerIsFollowed(t *testing.T) {
	t.Parallel()
	l := newLab(t, func(_ *lab, world *string) {
		*world = strings.Replace(*world, `{"name": "pve1", "cpus": 8, "memory": 65536}`, `{"name": "pve1"}, {"name": "pve2"}`, 1)
	})
	l.host()
	l.service("a", service(11, `hostname: a, node: pve1`))
	l.ready("a")
	l.must(l.pve.Migrate(900, "pve2"))
	l.eventually("its node is known", func() bool { return l.get("a").Status.Node == "pve2" })
	l.edit("a", func(s *v1alpha1.NixMoxService) { s.Spec.Resources.Memory = ptr(resource.MustParse("1Gi")) })
	l.eventually("it is changed there", func() bool { return l.container("a").Config["memory"] == "1024" })
	l.ready("a")
	l.one("a")
	if n := l.begun("vzcreate", 0); n != 1 {
		t.Errorf("created %d times", n)
	}
}

// person is a world with somebody at the web interface, whose tasks our token sees if it may audit the node.
func person(audit bool) func(*lab, *string) {
	return func(_ *lab, world *string) {
		acl := `"users": {"eve@pve": {"acl": {"/": "Administrator"}}, `
		*world = strings.Replace(*world, `"users": {`, acl, 1)
		*world = strings.Replace(*world, `"tokens": {`, `"tokens": {"eve": {"id": "eve@pve!gui", "secret": "eve", "privsep": 0}, `, 1)
		if audit {
			*world = strings.Replace(*world, `{"acl": {"/vms": "NixMox"`, `{"acl": {"/nodes": "PVEAuditor", "/vms": "NixMox"`, 1)
		}
	}
}

// eve is that person at work.
func (l *lab) eve() *proxmox.Client {
	l.t.Helper()
	eve, err := proxmox.New(proxmox.Options{Endpoints: []string{l.pve.URL}, TokenID: "eve@pve!gui", TokenSecret: "eve"})
	l.must(err)
	return eve
}

func TestRestartPolicies(t *testing.T) {
	t.Parallel()
	falls := func(l *lab) { l.must(l.pve.Stop(900)) }
	stopped := func(l *lab) {
		_, err := l.eve().Stop(l.t.Context(), "pve1", 900)
		l.must(err)
	}
	for _, c := range []struct {
		name, policy string
		audit        bool
		stop         func(*lab)
		stays        bool
	}{
		{"always starts what a person stopped", "always", true, stopped, false},
		{"always starts what fell", "always", true, falls, false},
		{"unless-stopped starts what fell", "unless-stopped", true, falls, false},
		{"unless-stopped leaves what a person stopped", "unless-stopped", true, stopped, true},
		{"unless-stopped starts what was stopped by somebody whom it may not see", "unless-stopped", false, stopped, false},
		{"never leaves what fell", "never", true, falls, true},
		{"never leaves what a person stopped", "never", true, stopped, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t, person(c.audit))
			l.host()
			l.service("a", service(11, `hostname: a, restartPolicy: `+c.policy))
			l.ready("a")
			c.stop(l)
			if !c.stays {
				l.eventually("it was started again", func() bool { return l.begun("vzstart", 900) == 2 })
				l.ready("a")
				return
			}
			l.eventually("it is reported", func() bool { return l.reason("a") == v1alpha1.ReasonStopped })
			if by := l.get("a").Status.Stopped.By; c.policy == "unless-stopped" && by != "eve@pve!gui" {
				t.Errorf("stopped by %q", by)
			}
			// Neither a look nor a new controller starts it.
			l.restartController()
			l.looks("a", 1)
			if l.reason("a") != v1alpha1.ReasonStopped || l.begun("vzstart", 900) != 1 {
				t.Fatalf("%s, started %d times", l.reason("a"), l.begun("vzstart", 900))
			}
			l.annotate("a", v1alpha1.StartAnnotation, "please")
			l.eventually("it was started as asked", func() bool { return l.begun("vzstart", 900) == 2 })
			l.ready("a")
			// The same request does not count for the next stop; a change of the spec does.
			c.stop(l)
			l.eventually("it is reported again", func() bool { return l.reason("a") == v1alpha1.ReasonStopped })
			l.edit("a", func(s *v1alpha1.NixMoxService) { s.Spec.Resources.Memory = ptr(resource.MustParse("1Gi")) })
			l.eventually("it was started with the new spec", func() bool { return l.begun("vzstart", 900) == 3 })
			l.ready("a")
		})
	}
}

func TestADisabledServiceIsShutDownAndKept(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.host()
	l.service("a", service(11, `hostname: a, restartPolicy: never`))
	l.ready("a")
	l.edit("a", func(s *v1alpha1.NixMoxService) { s.Spec.Enable = ptr(false) })
	l.eventually("it is shut down", func() bool { return l.reason("a") == v1alpha1.ReasonDisabled && !l.container("a").Running })
	if c := l.container("a"); c.Config["onboot"] == "1" {
		t.Error("it would start with its node")
	}
	l.edit("a", func(s *v1alpha1.NixMoxService) { s.Spec.Enable = ptr(true) })
	l.eventually("it runs again", func() bool { return l.container("a").Running })
	l.ready("a")
	l.one("a")
}

// Edits that the list of Proxmox does not show are found by a round of reads with a budget, a read every two seconds.
func TestEditsThatTheListDoesNotShowAreFoundOnABudget(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.host()
	l.service("a", service(11, `hostname: a`))
	l.service("b", service(12, `hostname: b`))
	l.ready("a", "b")
	begun := time.Now()
	l.must(l.pve.Edit(int(l.get("a").Status.VMID), map[string]string{"onboot": "0"}))
	l.must(l.pve.Edit(int(l.get("b").Status.VMID), map[string]string{"onboot": "0"}))
	l.eventually("both are put back", func() bool {
		return l.container("a").Config["onboot"] == "1" && l.container("b").Config["onboot"] == "1"
	})
	reads := l.log.calls(func(e calllog.Entry) bool { return e.Time.After(begun) && strings.HasSuffix(e.Path, "/pending") })
	if budget := int(time.Since(begun)/(2*time.Second)) + 4; reads > budget {
		t.Errorf("%d reads of configurations in %v", reads, time.Since(begun))
	}
}

// An edit may begin with another step than the one that failed, which mends what made it fail: that one is not waited for then.
func TestAnEditIsNotHeldByAnEarlierFailureOfALaterStep(t *testing.T) {
	t.Parallel()
	l := newLab(t, func(l *lab, _ *string) { l.timing.Retry, l.timing.LongestPause = 10*time.Minute, 0 })
	l.must(l.pve.AddFault(pvesim.Fault{TaskType: "vzstart", Times: 1, Text: "bridge 'vmbr0' does not exist"}))
	l.host()
	l.service("a", checked(11, "a", ""))
	l.situated("a", v1alpha1.ReasonOperationFailed, isIll, "bridge 'vmbr0' does not exist", "tried 1 times")
	l.edit("a", func(s *v1alpha1.NixMoxService) { s.Spec.Resources.Memory = ptr(resource.MustParse("1Gi")) })
	l.ready("a")
	if l.container("a").Config["memory"] != "1024" || l.get("a").Status.Failure != nil {
		t.Errorf("memory %s, failure %v", l.container("a").Config["memory"], l.get("a").Status.Failure)
	}
}

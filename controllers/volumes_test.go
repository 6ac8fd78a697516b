package controllers_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/proxmox"
)

// mounted is the volume id that the container has at a path, and whether there is one.
func (l *lab) mounted(name, path string) string {
	l.t.Helper()
	for key, value := range l.container(name).Config {
		if m, err := proxmox.ParseMount(value); strings.HasPrefix(key, "mp") && err == nil && m.Path == path {
			return m.Volume
		}
	}
	return ""
}

// unused are the ids of the detached volumes.
func (l *lab) unused(name string) []string {
	l.t.Helper()
	var ids []string
	for key, value := range l.container(name).Config {
		if strings.HasPrefix(key, "unused") {
			ids = append(ids, value)
		}
	}
	slices.Sort(ids)
	return ids
}

// volumes changes the volumes of a service, written as in its manifest.
func (l *lab) volumes(name, list string) {
	l.t.Helper()
	var spec v1alpha1.NixMoxServiceSpec
	l.parse(`{ip: 192.168.99.11, hostname: a, volumes: `+list+`}`, &spec)
	l.edit(name, func(s *v1alpha1.NixMoxService) { s.Spec.Volumes = spec.Volumes })
}

const (
	dataVolume = `{name: data, mountPath: /data, size: 1Gi}`
	walVolume  = `{name: wal, mountPath: /wal, size: 2Gi}`
)

// post is a call of somebody else's program with the lab's token.
func (l *lab) post(path, form string) {
	l.t.Helper()
	r, err := http.NewRequestWithContext(l.t.Context(), http.MethodPost, l.pve.URL+"/api2/json"+path, strings.NewReader(form))
	l.must(err)
	r.Header.Set("Authorization", "PVEAPIToken=nixmox@pve!ctl=s3cret-s3cret")
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer, err := http.DefaultClient.Do(r)
	l.must(err)
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		l.t.Fatalf("%s: %s", path, answer.Status)
	}
}

// twoVolumes is a service that is ready with two volumes.
func twoVolumes(t *testing.T) (l *lab, data, wal string) {
	l = newLab(t)
	l.host()
	l.service("a", service(11, `hostname: a, volumes: [`+dataVolume+`, `+walVolume+`]`))
	l.ready("a")
	return l, l.mounted("a", "/data"), l.mounted("a", "/wal")
}

// at rest a service has nothing left to do for its current spec.
func (l *lab) atRest(name string) {
	l.t.Helper()
	l.eventually(name+" is at rest", func() bool {
		s := l.get(name)
		return s.Status.ObservedGeneration == s.Generation && len(s.Status.Plan) == 0 && s.Status.Operation == nil
	})
	l.ready(name)
}

func TestARemovedVolumeIsDetachedKeptAndComesBack(t *testing.T) {
	t.Parallel()
	l, data, wal := twoVolumes(t)
	l.volumes("a", `[`+walVolume+`]`)
	l.eventually("it is detached", func() bool { return slices.Equal(l.unused("a"), []string{data}) })
	l.atRest("a")
	if down, up := l.begun("vzshutdown", 0), l.begun("vzstart", 0); down != 1 || up != 2 {
		t.Errorf("%d shutdowns, %d starts for one restart", down, up)
	}
	status := l.get("a").Status.Observed.Volumes
	if i := slices.IndexFunc(status, func(v v1alpha1.ObservedVolume) bool { return v.Name == "data" }); i < 0 || status[i].State != "Kept" || status[i].Volume != data {
		t.Errorf("the status says %+v", status)
	}
	// Its name comes back, larger, elsewhere in the list, after the object lost its status.
	l.stopController()
	s := l.get("a")
	s.Status = v1alpha1.NixMoxServiceStatus{}
	l.must(l.api.Client.Status().Update(t.Context(), s))
	l.startController()
	l.volumes("a", `[`+walVolume+`, {name: data, mountPath: /data, size: 3Gi}]`)
	l.eventually("it is mounted again", func() bool { return l.get("a").Status.VMID == 900 && l.mounted("a", "/data") == data })
	l.atRest("a")
	if l.mounted("a", "/wal") != wal || len(l.unused("a")) > 0 || len(l.pve.Volumes()) != 3 {
		t.Errorf("wal is %s, was %s; unused %v; on the storages %v", l.mounted("a", "/wal"), wal, l.unused("a"), l.pve.Volumes())
	}
	if c := l.container("a").Config; !strings.Contains(c["mp0"]+c["mp1"], "size=3G") {
		t.Errorf("it did not grow: %v", c)
	}
	if n := l.begun("vzshutdown", 0); n != 1 {
		t.Errorf("%d shutdowns: coming back needs none", n)
	}
	l.one("a")
}

func TestTheOrderOfVolumesMeansNothing(t *testing.T) {
	t.Parallel()
	l, data, wal := twoVolumes(t)
	before := l.configures()
	l.volumes("a", `[`+walVolume+`, `+dataVolume+`]`)
	l.atRest("a")
	l.looks("a", 1)
	if l.mounted("a", "/data") != data || l.mounted("a", "/wal") != wal || l.configures() != before {
		t.Errorf("changed: %v", l.container("a").Config)
	}
}

func TestVolumesThatExchangeTheirPathsKeepTheirData(t *testing.T) {
	t.Parallel()
	l, data, wal := twoVolumes(t)
	l.volumes("a", `[{name: data, mountPath: /wal, size: 1Gi}, {name: wal, mountPath: /data, size: 2Gi, readOnly: true, backup: false}]`)
	l.eventually("the paths are exchanged", func() bool { return l.mounted("a", "/data") == wal && l.mounted("a", "/wal") == data })
	l.atRest("a")
	if n := l.begun("vzshutdown", 0); n != 1 || len(l.unused("a")) > 0 || len(l.pve.Volumes()) != 3 {
		t.Errorf("%d restarts, unused %v, volumes %v", n, l.unused("a"), l.pve.Volumes())
	}
	if c := l.container("a").Config; !strings.Contains(c["mp1"], "ro=1") || strings.Contains(c["mp1"], "backup=1") || strings.Contains(c["mp0"], "ro=1") {
		t.Errorf("options: %s and %s", c["mp0"], c["mp1"])
	}
}

// A new volume is mounted at once. At the path of one that leaves it would hide that from the service that still runs with it.
func TestAnotherNameAtTheSamePathIsMountedWhileTheContainerIsStopped(t *testing.T) {
	t.Parallel()
	l, data, _ := twoVolumes(t)
	l.volumes("a", `[{name: fresh, mountPath: /data, size: 1Gi}, `+walVolume+`]`)
	l.eventually("the new one is there", func() bool { m := l.mounted("a", "/data"); return m != "" && m != data })
	l.atRest("a")
	if n := l.begun("vzshutdown", 0); n != 1 || !slices.Equal(l.unused("a"), []string{data}) {
		t.Errorf("%d restarts, unused %v", n, l.unused("a"))
	}
}

func TestWhatSomebodyDoesToMountPointsByHandIsPutBack(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		edit func(config map[string]string, data, wal string) map[string]string
	}{
		{"detached", func(_ map[string]string, data, _ string) map[string]string {
			return map[string]string{"mp0": "", "unused0": data}
		}},
		{"exchanged", func(config map[string]string, _, _ string) map[string]string {
			return map[string]string{"mp0": config["mp1"], "mp1": config["mp0"]}
		}},
		{"moved to another mount point", func(config map[string]string, _, _ string) map[string]string {
			return map[string]string{"mp0": "", "mp7": config["mp0"]}
		}},
		{"another in its place", func(_ map[string]string, data, _ string) map[string]string {
			return map[string]string{"mp0": "local:900/vm-900-disk-7.raw,mp=/theirs,size=1G", "unused0": data}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			l, data, wal := twoVolumes(t)
			l.must(l.pve.Edit(900, c.edit(l.container("a").Config, data, wal)))
			l.eventually("it is as asked for", func() bool {
				l.annotate("a", v1alpha1.RequestedAtAnnotation, l.get("a").ResourceVersion)
				return l.mounted("a", "/data") == data && l.mounted("a", "/wal") == wal
			})
			l.atRest("a")
			if n := len(l.pve.Volumes()); n != 3 || len(l.unused("a")) > 0 {
				t.Errorf("volumes %v, unused %v", l.pve.Volumes(), l.unused("a"))
			}
		})
	}
}

// What somebody moved to another storage, as we say that it is to be done, is the volume from then on; what it was before lies beside it.
func TestAVolumeThatWasMovedByHandIsNotTakenBack(t *testing.T) {
	t.Parallel()
	l, data, _ := twoVolumes(t)
	l.volumes("a", `[{name: data, mountPath: /data, size: 1Gi, storage: local}, `+walVolume+`]`)
	l.situated("a", v1alpha1.ReasonChangeRefused, needsEdit, "storage local-zfs -> storage local", "pct move-volume")
	const moved = "local:900/vm-900-disk-0.raw"
	l.must(l.pve.Edit(900, map[string]string{"mp0": moved + ",mp=/data,backup=1,size=1G", "unused0": data}))
	l.eventually("it is seen", func() bool {
		l.annotate("a", v1alpha1.RequestedAtAnnotation, l.get("a").ResourceVersion)
		return l.reason("a") == v1alpha1.ReasonHealthy || l.reason("a") == v1alpha1.ReasonRunningUnchecked
	})
	l.atRest("a")
	if l.mounted("a", "/data") != moved || !slices.Equal(l.unused("a"), []string{data}) {
		t.Errorf("at /data is %s, unused is %v", l.mounted("a", "/data"), l.unused("a"))
	}
}

func TestAVolumeThatIsGoneIsNotReplacedByAnEmptyOne(t *testing.T) {
	t.Parallel()
	l, _, _ := twoVolumes(t)
	l.stopController()
	l.must(l.pve.Edit(900, map[string]string{"mp0": ""}))
	l.must(l.pve.Stop(900))
	l.must(l.pve.DropVolume("local-zfs:subvol-900-disk-1"))
	volumes := l.pve.Volumes()
	l.startController()
	l.situated("a", v1alpha1.ReasonChangeRefused, needsEdit, "volume data", "an empty one is not put in its place")
	if l.container("a").Running || !slices.Equal(volumes, l.pve.Volumes()) {
		t.Errorf("running %v, volumes %v", l.container("a").Running, l.pve.Volumes())
	}
	l.volumes("a", `[{name: anew, mountPath: /data, size: 1Gi}, `+walVolume+`]`)
	l.atRest("a")
	if l.mounted("a", "/data") == "" || !l.container("a").Running {
		t.Error("the new name has no volume")
	}
}

// A volume that a snapshot uses is not listed as unused when it is detached.
func TestAVolumeThatOnlyASnapshotNamesComesBack(t *testing.T) {
	t.Parallel()
	l, data, _ := twoVolumes(t)
	l.post("/nodes/pve1/lxc/900/snapshot", "snapname=before")
	l.eventually("the snapshot is made", func() bool { return l.container("a").Config["lock"] == "" && l.container("a").Config["parent"] != "" })
	l.volumes("a", `[`+walVolume+`]`)
	l.atRest("a")
	if l.mounted("a", "/data") != "" || len(l.unused("a")) > 0 {
		t.Fatalf("it is %v", l.container("a").Config)
	}
	l.volumes("a", `[`+dataVolume+`, `+walVolume+`]`)
	l.atRest("a")
	if got := l.mounted("a", "/data"); got != data {
		t.Errorf("at /data is %s, not %s", got, data)
	}
}

func TestAVolumeThatComesBackSmallerOrElsewhereIsRefusedAndWhole(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, back, says string }{
		{"smaller", `{name: wal, mountPath: /wal, size: 1Gi}`, "disks never shrink"},
		{"on another storage", `{name: wal, mountPath: /wal, size: 2Gi, storage: local}`, "a volume is not moved between storages"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			l, _, wal := twoVolumes(t)
			l.volumes("a", `[`+dataVolume+`]`)
			l.atRest("a")
			l.volumes("a", `[`+dataVolume+`, `+c.back+`]`)
			l.situated("a", v1alpha1.ReasonChangeRefused, needsEdit, c.says)
			if l.mounted("a", "/wal") != wal || len(l.pve.Volumes()) != 3 {
				t.Errorf("at /wal is %s, not %s; volumes %v", l.mounted("a", "/wal"), wal, l.pve.Volumes())
			}
			l.volumes("a", `[`+dataVolume+`, `+walVolume+`]`)
			l.atRest("a")
		})
	}
}

// The line with the volumes is edited out of the notes: the status knows them still, and none is made twice.
func TestTheVolumesLineIsEditedAway(t *testing.T) {
	t.Parallel()
	l, data, wal := twoVolumes(t)
	d := l.container("a").Config["description"]
	l.must(l.pve.Edit(900, map[string]string{"description": strings.Replace(d, "nixmox-volumes: data=mp0 wal=mp1\n", "", 1)}))
	l.edit("a", func(s *v1alpha1.NixMoxService) { s.Spec.Resources.Memory = ptr(resource.MustParse("1Gi")) })
	l.eventually("the line is back", func() bool {
		l.annotate("a", v1alpha1.RequestedAtAnnotation, l.get("a").ResourceVersion)
		return strings.Contains(l.container("a").Config["description"], "nixmox-volumes: data=mp0 wal=mp1")
	})
	l.atRest("a")
	if l.mounted("a", "/data") != data || l.mounted("a", "/wal") != wal || len(l.pve.Volumes()) != 3 {
		t.Errorf("volumes %v, configuration %v", l.pve.Volumes(), l.container("a").Config)
	}
}

package inventory

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nixmox/nixmox-controller/internal/marker"
	"github.com/nixmox/nixmox-controller/internal/plan"
	"github.com/nixmox/nixmox-controller/internal/proxmox"
)

func row(edit ...func(*proxmox.Guest)) proxmox.Guest {
	g := proxmox.Guest{VMID: 900, Node: "pve1", Type: proxmox.TypeLXC, Name: "a", Status: "running", Tags: []string{"nixmox"}, MaxMemBytes: 1 << 30, MaxCPU: 1,
		MaxDiskBytes: 1 << 30, UptimeSeconds: 100}
	for _, e := range edit {
		e(&g)
	}
	return g
}

// A read that was under way while the configuration was changed may bring what was before. It is not taken for what is.
func TestAReadThatWasOvertakenIsNotKept(t *testing.T) {
	f := newFake()
	f.views[900] = &proxmox.View{Live: &proxmox.Config{Hostname: "before"}}
	running(t, f, time.Hour, func(t *testing.T, i *Inventory, _ *woken) {
		f.slow = time.Second
		overtaken := make(chan *proxmox.View)
		go func() {
			view, _ := i.View(t.Context(), "pve1", 900)
			overtaken <- view
		}()
		time.Sleep(f.slow / 2)
		f.mu.Lock()
		f.views[900] = &proxmox.View{Live: &proxmox.Config{Hostname: "after"}}
		f.mu.Unlock()
		i.Invalidate(900)
		if view := <-overtaken; view.Live.Hostname != "before" {
			t.Errorf("the read brought %q: it was not overtaken", view.Live.Hostname)
		}
		for range 2 {
			if view, err := i.View(t.Context(), "pve1", 900); err != nil || view.Live.Hostname != "after" {
				t.Errorf("it is taken to be %v, %v", view, err)
			}
		}
		if n := len(f.reads()); n != 2 {
			t.Errorf("%d reads, want the overtaken one and another", n)
		}
	})
}

func TestWhatAChangeInTheListMeans(t *testing.T) {
	for _, c := range []struct {
		name                  string
		before, now           proxmox.Guest
		wakes, rereads, start bool
	}{
		{"nothing", row(), row(func(g *proxmox.Guest) { g.UptimeSeconds = 110 }), false, false, false},
		{"stopped", row(), row(func(g *proxmox.Guest) { g.Status, g.UptimeSeconds = "stopped", 0 }), true, false, false},
		{"started by somebody", row(func(g *proxmox.Guest) { g.Status, g.UptimeSeconds = "stopped", 0 }), row(func(g *proxmox.Guest) { g.UptimeSeconds = 3 }), true, false, true},
		{"restarted by somebody between two looks", row(), row(func(g *proxmox.Guest) { g.UptimeSeconds = 3 }), true, false, true},
		{"memory edited", row(), row(func(g *proxmox.Guest) { g.MaxMemBytes = 2 << 30 }), true, true, false},
		{"cpu edited", row(), row(func(g *proxmox.Guest) { g.MaxCPU = 2 }), true, true, false},
		{"name edited", row(), row(func(g *proxmox.Guest) { g.Name = "b" }), true, true, false},
		{"tags edited", row(), row(func(g *proxmox.Guest) { g.Tags = nil }), true, true, false},
		{"tags in another order", row(func(g *proxmox.Guest) { g.Tags = []string{"a", "b"} }), row(func(g *proxmox.Guest) { g.Tags = []string{"b", "a"} }), false, false, false},
		{"locked", row(), row(func(g *proxmox.Guest) { g.Lock = "backup" }), true, true, false},
		{"moved", row(), row(func(g *proxmox.Guest) { g.Node = "pve2" }), true, true, false},
		{"the disk of a running one is measured inside", row(), row(func(g *proxmox.Guest) { g.MaxDiskBytes = 999 }), false, false, false},
		{"its node reports nothing", row(), row(func(g *proxmox.Guest) { g.Status = "unknown" }), true, false, false},
		{"the first statistics of a new one are no edit", row(func(g *proxmox.Guest) { g.Name, g.Status, g.MaxMemBytes, g.MaxCPU = "", "unknown", 0, 0 }), row(), true, false, false},
		{"the lock of its creation is gone, as read", row(func(g *proxmox.Guest) { g.Lock = "create" }), row(), true, false, false},
		{"the list catches up with an edit that was read", row(func(g *proxmox.Guest) { g.MaxMemBytes = 2 << 30 }), row(), true, false, false},
	} {
		i := New(newFake(), Options{})
		i.take(proxmox.Resources{Guests: []proxmox.Guest{c.before}}, time.Now())
		i.configs[900] = cachedView{node: "pve1", view: &proxmox.View{Live: &proxmox.Config{Hostname: "a", MemoryMiB: 1024, Cores: 1, Tags: c.before.Tags}}}
		wakes := slices.Contains(i.take(proxmox.Resources{Guests: []proxmox.Guest{c.now}}, time.Now()), 900)
		_, kept := i.configs[900]
		if wakes != c.wakes || kept == c.rereads || (i.Guest(900).Starts > 0) != c.start {
			t.Errorf("%s: wakes %v, rereads %v, %d starts", c.name, wakes, !kept, i.Guest(900).Starts)
		}
	}
}

func TestAGuestThatVanishesWakesItsService(t *testing.T) {
	i := New(newFake(), Options{})
	i.take(proxmox.Resources{Guests: []proxmox.Guest{row()}}, time.Now())
	if changed := i.take(proxmox.Resources{}, time.Now()); !slices.Equal(changed, []proxmox.VMID{900}) || i.Guest(900).Present {
		t.Errorf("changed %v, %+v", changed, i.Guest(900))
	}
}

func TestOurOwnStartIsNobodysRestart(t *testing.T) {
	i := New(newFake(), Options{})
	i.take(proxmox.Resources{Guests: []proxmox.Guest{row(func(g *proxmox.Guest) { g.Status, g.UptimeSeconds = "stopped", 0 })}}, time.Now())
	i.Note("pve1", 900, true)
	if g := i.Guest(900); !g.Running || !g.Present {
		t.Errorf("after our start: %+v", g)
	}
	i.take(proxmox.Resources{Guests: []proxmox.Guest{row(func(g *proxmox.Guest) { g.UptimeSeconds = 1 })}}, time.Now())
	if g := i.Guest(900); g.Starts != 0 {
		t.Errorf("%d starts by others", g.Starts)
	}
}

func TestWhatWeDestroyedIsGoneBeforeTheListKnows(t *testing.T) {
	i := New(newFake(), Options{})
	i.take(proxmox.Resources{Guests: []proxmox.Guest{row()}}, time.Now())
	i.NoteGone(900)
	if i.Guest(900).Present || len(i.Tagged("any")) > 0 {
		t.Error("it is still there")
	}
}

func TestGoneNeedsThreeProofs(t *testing.T) {
	for _, c := range []struct {
		name                 string
		listed, exists, free bool
		err                  error
		gone                 bool
	}{
		{name: "not listed, no configuration, VMID free", free: true, gone: true},
		{name: "listed", listed: true, free: true},
		{name: "hidden, and readable", exists: true, free: true},
		{name: "moved, or somebody else's: the VMID is taken"},
		{name: "the read is refused", err: says(403, "Permission check failed (/vms/900, VM.Audit)"), free: true},
		{name: "the node does not answer", err: says(595, "No route to host"), free: true},
	} {
		f := newFake()
		f.err, f.free[900] = c.err, c.free
		if c.exists {
			f.views[900] = &proxmox.View{}
		}
		i := New(f, Options{OnReach: func() {}, OnGuest: func(proxmox.VMID) {}})
		var list proxmox.Resources
		if c.listed {
			list.Guests = []proxmox.Guest{row()}
		}
		i.take(list, time.Now())
		gone, err := i.Gone(t.Context(), "pve1", 900)
		if gone != c.gone || (err != nil) != (c.err != nil) {
			t.Errorf("%s: gone %v, %v", c.name, gone, err)
		}
	}
}

func TestConfigurationsAreReadOnABudget(t *testing.T) {
	f := newFake()
	for vmid := proxmox.VMID(900); vmid < 910; vmid++ {
		f.resources.Guests = append(f.resources.Guests, row(func(g *proxmox.Guest) { g.VMID = vmid }))
		f.views[vmid] = &proxmox.View{Live: &proxmox.Config{Digest: "1"}}
	}
	running(t, f, 10*time.Second, func(t *testing.T, i *Inventory, w *woken) {
		for vmid := proxmox.VMID(900); vmid < 910; vmid++ {
			i.Watch(vmid)
			i.Watch(vmid)
		}
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		times := map[proxmox.VMID]int{}
		for _, vmid := range f.reads() {
			times[vmid]++
		}
		for vmid, n := range times {
			if n < 28 || n > 31 {
				t.Errorf("%d was read %d times in 10 minutes", vmid, n)
			}
		}
		if len(times) != 10 || f.count("resources") > 62 {
			t.Errorf("%d containers, %d lists", len(times), f.count("resources"))
		}
		w.mu.Lock()
		w.vmids = nil
		w.mu.Unlock()
		f.mu.Lock()
		f.views[905] = &proxmox.View{Live: &proxmox.Config{Digest: "2"}}
		f.mu.Unlock()
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := w.guests(); !slices.Equal(got, []proxmox.VMID{905}) {
			t.Errorf("an edit of 905 woke %v", got)
		}
		i.Unwatch(905)
		before := len(f.reads())
		time.Sleep(time.Minute)
		synctest.Wait()
		again := 0
		for _, vmid := range f.reads()[before:] {
			if vmid == 905 {
				again++
			}
		}
		if again > 1 { // once, as a stranger whose address is of interest
			t.Errorf("905 is read %d times, although nobody watches it", again)
		}
	})
}

func TestStrangersAreReadOnceAndAgainWhenTheyChange(t *testing.T) {
	f := newFake()
	config := func(ip string) *proxmox.View {
		return &proxmox.View{Live: &proxmox.Config{Nets: map[int]proxmox.Net{0: {IP: ip}}}}
	}
	for vmid := proxmox.VMID(100); vmid < 110; vmid++ {
		f.resources.Guests = append(f.resources.Guests, row(func(g *proxmox.Guest) { g.VMID, g.Name = vmid, "nas" }))
		f.views[vmid] = config("dhcp")
	}
	f.views[105] = config("192.168.1.5/24")
	running(t, f, 10*time.Second, func(t *testing.T, i *Inventory, _ *woken) {
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if got := i.Strangers(); len(got) != 1 || got[0].String() != "container 105 (nas) on pve1" || got[0].Addresses[0].String() != "192.168.1.5" {
			t.Errorf("strangers with an address: %v", got)
		}
		if n := len(f.reads()); n != 10 {
			t.Errorf("%d reads of ten strangers", n)
		}
		f.mu.Lock()
		f.resources.Guests[5].Name, f.views[105] = "renamed", config("192.168.1.6/24")
		f.mu.Unlock()
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := i.Strangers(); len(got) != 1 || got[0].Addresses[0].String() != "192.168.1.6" || len(f.reads()) != 11 {
			t.Errorf("after an edit: %v, %d reads", got, len(f.reads()))
		}
		// One that is watched is no stranger, nor one that is stopped.
		i.Watch(105)
		if got := i.Strangers(); len(got) != 0 {
			t.Errorf("our own: %v", got)
		}
		i.Unwatch(105)
		f.mu.Lock()
		f.resources.Guests[5].Status = "stopped"
		f.mu.Unlock()
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := i.Strangers(); len(got) != 0 {
			t.Errorf("stopped: %v", got)
		}
	})
}

func TestAConfigurationIsReadOnceUntilSomethingChanges(t *testing.T) {
	f := newFake()
	f.views[900] = &proxmox.View{Live: &proxmox.Config{Digest: "1"}}
	i := New(f, Options{OnReach: func() {}, OnGuest: func(proxmox.VMID) {}})
	read := func() {
		if _, err := i.View(t.Context(), "pve1", 900); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name string
		then func()
		want int
	}{
		{"the first time", func() {}, 1},
		{"again", func() {}, 1},
		{"after a change of ours", func() { i.Invalidate(900) }, 2},
		{"after a start of ours, which changes nothing", func() { i.Note("pve1", 900, true) }, 2},
		{"after a stop of ours, which applies what was pending", func() { i.Note("pve1", 900, false) }, 3},
	} {
		c.then()
		read()
		if got := f.count("view"); got != c.want {
			t.Errorf("%s: %d reads", c.name, got)
		}
	}
}

func TestReachabilityIsToldWhenItTurns(t *testing.T) {
	f := newFake()
	running(t, f, time.Second, func(t *testing.T, i *Inventory, w *woken) {
		set := func(err error) {
			f.mu.Lock()
			f.err = err
			f.mu.Unlock()
			time.Sleep(5 * time.Second)
			synctest.Wait()
		}
		set(nil)
		set(errors.New("no route to host"))
		if err := i.Reachable(); err == nil || !strings.Contains(err.Error(), "no route") {
			t.Errorf("reachable: %v", err)
		}
		set(nil)
		w.mu.Lock()
		defer w.mu.Unlock()
		if i.Reachable() != nil || w.reach != 3 {
			t.Errorf("reachable: %v, told %d times", i.Reachable(), w.reach)
		}
	})
}

func TestWhichMountIsWhichVolume(t *testing.T) {
	mounts := map[int]proxmox.Mount{
		0:  {Volume: "local-zfs:subvol-900-disk-1", Path: "/data", Size: "5G", Backup: true},
		2:  {Volume: "tank:theirs", Path: "/theirs", Size: "1G"},
		10: {Volume: "fast:subvol-900-disk-2", Path: "/wal", Size: "512M"},
	}
	m := marker.Marker{Instance: "i", Service: "n/a", VMID: 900, State: marker.Live, Volumes: map[string]string{"data": "mp0", "wal": "mp10"}}
	want := []plan.ObservedVolume{
		{Name: "data", Mount: plan.Mount{Key: "mp0", MountPath: "/data", Volume: "local-zfs:subvol-900-disk-1", Bytes: 5 << 30, Backup: true},
			Storage: "local-zfs", GrantedBytes: 4},
		{Mount: plan.Mount{Key: "mp2", MountPath: "/theirs", Volume: "tank:theirs", Bytes: 1 << 30}, Storage: "tank"},
		{Name: "wal", Mount: plan.Mount{Key: "mp10", MountPath: "/wal", Volume: "fast:subvol-900-disk-2", Bytes: 512 << 20}, Storage: "fast"},
	}
	memory := Memory{GrantedBytes: map[string]int64{"data": 4}, Volumes: map[string]plan.RememberedVolume{"data": {Key: "mp0"}, "wal": {Key: "mp10"}}}
	for name, description := range map[string]string{"by the marker": m.Render("notes"), "by what we remember, the marker being gone": "notes"} {
		view := &proxmox.View{Live: &proxmox.Config{}, Future: &proxmox.Config{Description: description, Mounts: mounts}, Pending: []string{"mp0"}}
		o := Observe(view, true, memory)
		if diff := cmp.Diff(want, o.Volumes); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if !slices.Equal(o.RestartOwed, []string{plan.PendingPrefix + "mp0"}) {
			t.Errorf("%s: owed %v", name, o.RestartOwed)
		}
	}
}

func TestCallsAtRestAreTheSameForAnyNumberOfContainers(t *testing.T) {
	for _, n := range []int{10, 100, 1000, 10_000} {
		f := newFake()
		for vmid := proxmox.VMID(900); vmid < proxmox.VMID(900+n); vmid++ {
			f.resources.Guests = append(f.resources.Guests, row(func(g *proxmox.Guest) { g.VMID = vmid }))
			f.views[vmid] = &proxmox.View{Live: &proxmox.Config{Digest: "1"}}
		}
		running(t, f, 10*time.Second, func(t *testing.T, i *Inventory, _ *woken) {
			for vmid := proxmox.VMID(900); vmid < proxmox.VMID(900+n); vmid++ {
				i.Watch(vmid)
			}
			time.Sleep(time.Minute)
			before := f.count("resources") + f.count("view")
			// A whole round of reads; of the 10,000, whose round is five and a half hours, ten minutes.
			round := min(max(time.Duration(n)*2*time.Second, 10*time.Minute), 33*time.Minute)
			if n > 1000 {
				round = 10 * time.Minute
			}
			time.Sleep(round)
			synctest.Wait()
			perMinute := float64(f.count("resources")+f.count("view")-before) / round.Minutes()
			if perMinute < 35 || perMinute > 37 {
				t.Errorf("%d containers: %.1f calls a minute", n, perMinute)
			}
			if n == 1000 && len(f.reads()) < n {
				t.Errorf("only %d of %d configurations were read in a round", len(f.reads()), n)
			}
		})
	}
}

func TestARollOutRepeatsNoReads(t *testing.T) {
	f := newFake()
	running(t, f, 10*time.Second, func(t *testing.T, i *Inventory, _ *woken) {
		for n := range 100 {
			vmid := proxmox.VMID(900 + n)
			f.mu.Lock()
			f.views[vmid] = &proxmox.View{Live: &proxmox.Config{Digest: "1"}}
			f.resources.Guests = append(f.resources.Guests, row(func(g *proxmox.Guest) { g.VMID = vmid }))
			f.mu.Unlock()
			if _, err := i.View(t.Context(), "pve1", vmid); err != nil {
				t.Fatal(err)
			}
			i.Watch(vmid)
			time.Sleep(time.Second)
		}
		synctest.Wait()
		if got := f.count("view"); got > 125 {
			t.Errorf("%d reads of 100 containers that were made within 100 s", got)
		}
	})
}

func TestASearchForAMarkerLeavesOutWhatIsKnownToBeAnothers(t *testing.T) {
	f := newFake()
	of := func(service string) *proxmox.View {
		m := marker.Marker{Instance: "home", Host: "n/default", Service: service, VMID: 900, State: marker.Live}
		return &proxmox.View{Live: &proxmox.Config{Description: m.Render("")}}
	}
	f.views[900], f.views[901], f.views[902] = of("n/a"), of("n/b"), of("n/b")
	for vmid, tags := range map[proxmox.VMID][]string{900: {marker.Tag}, 901: {marker.Tag}, 902: {marker.Tag}, 903: {"db"}} {
		f.resources.Guests = append(f.resources.Guests, proxmox.Guest{VMID: vmid, Node: "pve1", Type: proxmox.TypeLXC, Status: "running", Tags: tags})
	}
	i := New(f, Options{OnReach: func() {}, OnGuest: func(proxmox.VMID) {}})
	i.poll(t.Context())
	for _, vmid := range []proxmox.VMID{900, 901} {
		if _, err := i.View(t.Context(), "pve1", vmid); err != nil {
			t.Fatal(err)
		}
	}
	candidates := func(service string) string {
		var found []string
		for _, g := range i.Tagged(service) {
			found = append(found, fmt.Sprint(g.VMID))
		}
		slices.Sort(found)
		return strings.Join(found, " ")
	}
	for service, want := range map[string]string{"n/a": "900 902", "n/b": "901 902", "n/c": "902"} {
		if got := candidates(service); got != want {
			t.Errorf("candidates of %s: %s, want %s", service, got, want)
		}
	}
	i.Invalidate(901) // somebody may have written another marker
	if got := candidates("n/c"); got != "901 902" {
		t.Errorf("candidates of n/c are %s", got)
	}
}

package inventory

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/nixmox/nixmox-controller/internal/proxmox"
)

func vmids() *rapid.Generator[[]proxmox.VMID] {
	return rapid.SliceOfNDistinct(rapid.Map(rapid.IntRange(100, 110), func(n int) proxmox.VMID { return proxmox.VMID(n) }), 0, 6, rapid.ID)
}

func TestTheAllocatorNeverGivesWhatSomebodyHas(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		taken, claimed, blocked, freed := vmids().Draw(t, "taken"), vmids().Draw(t, "claimed"), vmids().Draw(t, "blocked"), vmids().Draw(t, "freed")
		i := New(newFake(), Options{})
		list := proxmox.Resources{}
		for _, vmid := range taken {
			list.Guests = append(list.Guests, proxmox.Guest{VMID: vmid, Type: rapid.SampledFrom([]string{"lxc", "qemu"}).Draw(t, "type")})
		}
		i.take(list, time.Now())
		for _, vmid := range blocked {
			i.Block(vmid)
		}
		has := map[string]proxmox.VMID{}
		for range rapid.IntRange(1, 15).Draw(t, "asks") {
			owner := rapid.SampledFrom([]string{"a", "b", "c", "d", "e"}).Draw(t, "owner")
			got, err := i.Allocate(owner, 100, 110, func(v proxmox.VMID) bool { return slices.Contains(claimed, v) }, freed)
			free := freeOnes(taken, claimed, blocked, has)
			var exhausted *ExhaustedError
			switch before, again := has[owner]; {
			case again:
				if err != nil || got != before {
					t.Fatalf("%s had %d, and now gets %d, %v", owner, before, got, err)
				}
			case len(free) == 0:
				if !errors.As(err, &exhausted) {
					t.Fatalf("nothing is free, and %s gets %d, %v", owner, got, err)
				}
			case err != nil || !slices.Contains(free, got):
				t.Fatalf("%s gets %d, %v of the free %v", owner, got, err, free)
			case slices.Contains(freed, got) && slices.ContainsFunc(free, func(v proxmox.VMID) bool { return !slices.Contains(freed, v) }):
				t.Fatalf("%s gets %d, which rests, although %v are free", owner, got, free)
			case slices.Contains(freed, got):
				for _, v := range freed[:slices.Index(freed, got)] {
					if slices.Contains(free, v) {
						t.Fatalf("%s gets %d before %d, which rests longer", owner, got, v)
					}
				}
				has[owner] = got
			default:
				has[owner] = got
			}
		}
	})
}

func freeOnes(taken, claimed, blocked []proxmox.VMID, has map[string]proxmox.VMID) []proxmox.VMID {
	var free []proxmox.VMID
	for v := proxmox.VMID(100); v <= 110; v++ {
		reserved := false
		for _, other := range has {
			reserved = reserved || other == v
		}
		if !reserved && !slices.Contains(taken, v) && !slices.Contains(claimed, v) && !slices.Contains(blocked, v) {
			free = append(free, v)
		}
	}
	return free
}

func TestNothingIsAllocatedBeforeProxmoxWasRead(t *testing.T) {
	_, err := New(newFake(), Options{}).Allocate("a", 100, 110, func(proxmox.VMID) bool { return false }, nil)
	if !errors.Is(err, ErrNotRead) {
		t.Error(err)
	}
}

func TestAReservationEndsWithItsService(t *testing.T) {
	i := New(newFake(), Options{})
	i.take(proxmox.Resources{}, time.Now())
	nobody := func(proxmox.VMID) bool { return false }
	first, _ := i.Allocate("a", 100, 100, nobody, nil)
	if _, err := i.Allocate("b", 100, 100, nobody, nil); err == nil {
		t.Fatal("two services got one VMID")
	}
	i.Release(first)
	if got, err := i.Allocate("b", 100, 100, nobody, nil); err != nil || got != 100 {
		t.Error(got, err)
	}
}

func TestItIsKnownForAWhileToWhomAVMIDWasGiven(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := New(newFake(), Options{})
		i.take(proxmox.Resources{}, time.Now())
		vmid, err := i.Allocate("a", 100, 110, func(proxmox.VMID) bool { return false }, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := i.GivenTo(vmid); got != "a" {
			t.Errorf("given to %q", got)
		}
		time.Sleep(reservationTime + time.Second) // whoever makes a container with this number now is somebody else
		if got := i.GivenTo(vmid); got != "" {
			t.Errorf("still given to %q", got)
		}
	})
}

func TestVMIDsWithVolumesAreReadOnceAStorage(t *testing.T) {
	f := newFake()
	f.volumes = []proxmox.Volume{
		{VolID: "local-zfs:subvol-900-disk-0", Content: "images", VMID: 900}, {VolID: "tank:vm-901-disk-0", Content: "rootdir", VMID: 901},
		{VolID: "local:backup/vzdump-lxc-902.tar", Content: "backup", VMID: 902}, {VolID: "local:vztmpl/nixos.tar.xz", Content: "vztmpl"},
	}
	i := New(f, Options{})
	for range 50 {
		occupied, err := i.HasVolumes(t.Context(), "pve1", []string{"local", "local-zfs"}, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		if !occupied(900) || occupied(901) || occupied(902) || occupied(0) {
			t.Fatalf("900 %v, 901 (on a storage that is not asked about) %v, 902 (a backup) %v", occupied(900), occupied(901), occupied(902))
		}
	}
	if f.calls["content local"] != 1 || f.calls["content local-zfs"] != 1 || f.calls["content tank"] != 0 {
		t.Errorf("calls: %v", f.calls)
	}
	if _, err := i.HasVolumes(t.Context(), "pve1", []string{"local"}, 0); err != nil || f.calls["content local"] != 2 {
		t.Errorf("an older list is not good enough: %v, %v", f.calls, err)
	}
	f.err = says(403, "Permission check failed (/storage/tank, Datastore.Audit)")
	if occupied, err := i.HasVolumes(t.Context(), "pve1", []string{"tank"}, 0); err != nil || occupied(901) {
		t.Errorf("a storage that may not be listed: %v", err)
	}
	f.err = says(595, "No route to host")
	if _, err := i.HasVolumes(t.Context(), "pve1", []string{"tank"}, 0); err == nil {
		t.Error("not knowing is no answer")
	}
}

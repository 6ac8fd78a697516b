package proxmox_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/nixmox/nixmox-controller/internal/proxmox"
)

func TestParseNet(t *testing.T) {
	got, err := proxmox.ParseNet("name=eth0,bridge=vmbr0,firewall=yes,gw=10.0.0.1,gw6=fd00::1,host-managed=0,hwaddr=BC:24:11:00:00:01," +
		"ip=10.0.0.5/24,ip6=auto,link_down=1,mtu=1400,rate=2.50,tag=99,trunks=2;3,type=veth,invented=x")
	want := proxmox.Net{
		Name: "eth0", Bridge: "vmbr0", Firewall: true, Gateway: "10.0.0.1", Gateway6: "fd00::1", HWAddr: "BC:24:11:00:00:01",
		IP: "10.0.0.5/24", IP6: "auto", LinkDown: true, MTU: 1400, RateMBps: 2.5, Tag: 99, Trunks: []string{"2", "3"}, Type: "veth",
		Other: map[string]string{"invented": "x"},
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	for name, s := range map[string]string{"a key twice": "name=a,name=b", "no value": "name=", "no key": "=a", "a bare value": "eth0"} {
		if got, err := proxmox.ParseNet(s); err == nil {
			t.Errorf("%s: %q parses as %+v", name, s, got)
		}
	}
}

func TestNetsAreComparedByMeaning(t *testing.T) {
	base := "name=eth0,bridge=vmbr0,hwaddr=BC:24:11:AA:00:01,ip=10.0.0.5/24,ip6=fd00::1/64,tag=99"
	for name, tt := range map[string]struct {
		other string
		same  bool
	}{
		"another order":               {"tag=99,ip6=fd00::1/64,ip=10.0.0.5/24,hwaddr=BC:24:11:AA:00:01,bridge=vmbr0,name=eth0", true},
		"small letters in the MAC":    {strings.Replace(base, "AA", "aa", 1), true},
		"the only type":               {base + ",type=veth", true},
		"an explicit off":             {base + ",firewall=0,link_down=0", true},
		"another form of the address": {strings.Replace(base, "fd00::1", "FD00:0::0001", 1), true},
		"another VLAN":                {strings.Replace(base, "99", "98", 1), false},
		"another address":             {strings.Replace(base, "10.0.0.5", "10.0.0.6", 1), false},
		"a firewall":                  {base + ",firewall=1", false},
		"an unknown key":              {base + ",invented=1", false},
	} {
		if got := mustNet(t, base).Equal(mustNet(t, tt.other)); got != tt.same {
			t.Errorf("%s: equal is %t", name, got)
		}
	}
}

func mustNet(t *testing.T, s string) proxmox.Net {
	t.Helper()
	net, err := proxmox.ParseNet(s)
	if err != nil {
		t.Fatal(err)
	}
	return net
}

func TestNetMerge(t *testing.T) {
	observed := mustNet(t, "name=eth0,bridge=vmbr0,firewall=1,gw=10.0.0.1,hwaddr=BC:24:11:AA:00:01,ip=10.0.0.5/24,rate=5,tag=99,invented=x")
	wish := proxmox.Net{Name: "eth0", Bridge: "vmbr1", IP: "10.0.0.6/24", MTU: 1400, HWAddr: "00:00:00:00:00:00"}
	got := observed.Merge(wish, "name", "bridge", "ip", "gw", "tag")
	want := "name=eth0,bridge=vmbr1,firewall=1,hwaddr=BC:24:11:AA:00:01,ip=10.0.0.6/24,rate=5,invented=x"
	if got.String() != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if merged := observed.Merge(wish); !merged.Equal(observed) {
		t.Errorf("nothing managed, yet %s", merged)
	}
}

func TestParseMount(t *testing.T) {
	got, err := proxmox.ParseMount("local-zfs:subvol-100-disk-1,mp=/var/lib/x,acl=0,backup=1,mountoptions=noatime;discard,quota=1,replicate=0,ro=1,shared=1,size=20G,keepattrs=1")
	want := proxmox.Mount{
		Volume: "local-zfs:subvol-100-disk-1", Path: "/var/lib/x", ACL: pointer(false), Backup: true, Options: []string{"noatime", "discard"},
		Quota: true, Replicate: pointer(false), ReadOnly: true, Shared: true, Size: "20G", Other: map[string]string{"keepattrs": "1"},
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if size, found := got.SizeBytes(); size != 20*proxmox.GiB || !found || got.Storage() != "local-zfs" {
		t.Errorf("size %d %t, storage %q", size, found, got.Storage())
	}
	bind := proxmox.Mount{Volume: "/tank/a:b", Path: "/x"}
	if _, found := bind.SizeBytes(); found || bind.Storage() != "" {
		t.Errorf("a bind mount has a size or the storage %q", bind.Storage())
	}
	if s := (proxmox.Mount{Volume: proxmox.NewVolume("local", 8), Path: "/x"}).String(); s != "local:8,mp=/x" {
		t.Errorf("a new volume is %q", s)
	}
	if _, err := proxmox.ParseMount("a:1,volume=b:2"); err == nil {
		t.Error("two volumes in one mount")
	}
}

func TestMountsAreComparedByMeaning(t *testing.T) {
	base := "volume=a:b,mp=/x,size=8G,mountoptions=noatime;discard"
	for other, same := range map[string]bool{
		"a:b,size=8192M,mountoptions=discard;noatime,mp=/x":     true,
		"a:b,mp=/x,size=8G,mountoptions=noatime;discard,ro=0":   true,
		base + ",replicate=1":                                   true,
		base + ",replicate=0":                                   false,
		base + ",acl=0":                                         false,
		base + ",backup=1":                                      false,
		"a:b,mp=/x,size=9G,mountoptions=noatime;discard":        false,
		"a:b,mp=/y,size=8G,mountoptions=noatime;discard":        false,
		"a:c,mp=/x,size=8G,mountoptions=noatime;discard":        false,
		"a:b,mp=/x,size=8G,mountoptions=noatime":                false,
		"a:b,mp=/x,size=8G,mountoptions=noatime;discard,new=/z": false,
	} {
		one, err := proxmox.ParseMount(base)
		if err != nil {
			t.Fatal(err)
		}
		two, err := proxmox.ParseMount(other)
		if err != nil {
			t.Fatal(err)
		}
		if got := one.Equal(two); got != same {
			t.Errorf("%s: equal is %t", other, got)
		}
	}
}

func TestFeaturesAndStartup(t *testing.T) {
	features, err := proxmox.ParseFeatures("keyctl=1,nesting=on,fuse=0,mount=nfs;cifs,invented=2")
	if err != nil || features.String() != "keyctl=1,mount=nfs;cifs,nesting=1,invented=2" {
		t.Errorf("features %q, %v", features, err)
	}
	same, err := proxmox.ParseFeatures("invented=2,mount=cifs;nfs,nesting=1,keyctl=1")
	if err != nil || !features.Equal(same) || features.Equal(proxmox.Features{Nesting: true}) {
		t.Errorf("comparison of features, %v", err)
	}
	startup, err := proxmox.ParseStartup("3,down=60")
	if err != nil || startup.String() != "order=3,down=60" {
		t.Errorf("startup %q, %v", startup, err)
	}
	if !startup.Equal(proxmox.Startup{Order: pointer(3), DownSeconds: pointer(60)}) || startup.Equal(proxmox.Startup{Order: pointer(3)}) {
		t.Error("comparison of startup")
	}
	if zero, err := proxmox.ParseStartup("order=0"); err != nil || zero.String() != "order=0" {
		t.Errorf("order 0 is not unset: %q, %v", zero, err)
	}
	for _, s := range []string{"order=x", "up=-1", "1,order=2"} {
		if _, err := proxmox.ParseStartup(s); err == nil {
			t.Errorf("startup %q parses", s)
		}
	}
}

func TestTags(t *testing.T) {
	if got := proxmox.FormatTags([]string{"b", "A", "c", "a", "B"}); got != "a;b;c" {
		t.Errorf("FormatTags = %q", got)
	}
	if got := proxmox.ParseTags("b;A,c a\tB "); !slices.Equal(got, []string{"b", "A", "c", "a", "B"}) {
		t.Errorf("ParseTags = %q", got)
	}
	if !proxmox.TagsEqual([]string{"a", "B"}, []string{"b", "a", "A"}) || proxmox.TagsEqual([]string{"a"}, nil) || !proxmox.TagsEqual(nil, []string{}) {
		t.Error("TagsEqual")
	}
	if !proxmox.HasTag([]string{"NixMox"}, "nixmox") || proxmox.HasTag([]string{"nixmox2"}, "nixmox") {
		t.Error("HasTag")
	}
}

func TestDescriptions(t *testing.T) {
	if proxmox.TrimDescription("a\nb\n\n") != "a\nb\n" || proxmox.TrimDescription("") != "" {
		t.Error("TrimDescription removes what Proxmox adds, no more")
	}
	if !proxmox.DescriptionsEqual("a\nb", "a\nb\n") || proxmox.DescriptionsEqual("a", "a b") {
		t.Error("DescriptionsEqual")
	}
}

func TestSizes(t *testing.T) {
	for s, want := range map[string]int64{
		"0": 0, "512": 512, "4K": 4096, "8G": 8 * proxmox.GiB, "8.5G": 8704 * proxmox.MiB, "8704M": 8704 * proxmox.MiB, "1.5T": 1536 * proxmox.GiB,
	} {
		if got, err := proxmox.ParseSize(s); got != want || err != nil {
			t.Errorf("%q is %d, %v; want %d", s, got, err, want)
		}
	}
	for _, s := range []string{"", "8g", "8GB", "-1G", "G", "8 G", "+5G", "99999999T", "99999999999999999999"} {
		if got, err := proxmox.ParseSize(s); err == nil {
			t.Errorf("%q parses as %d", s, got)
		}
	}
	for bytes, want := range map[int64]string{0: "0", 1: "1", 1023: "1023", 4096: "4K", 8704 * proxmox.MiB: "8704M", 8 * proxmox.GiB: "8G", 2048 * proxmox.TiB: "2048T"} {
		if got := proxmox.FormatSize(bytes); got != want {
			t.Errorf("%d is %q, want %q", bytes, got, want)
		}
	}
}

func TestSizeRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.Int64Range(0, 1<<20).Draw(t, "count") << rapid.IntRange(0, 42).Draw(t, "shift")
		if got, err := proxmox.ParseSize(proxmox.FormatSize(want)); got != want || err != nil {
			t.Fatalf("%d became %d, %v", want, got, err)
		}
	})
}

// values without what a property string cannot hold.
var values = rapid.StringMatching(`[a-zA-Z0-9/:._@=-]{1,12}`)

// drawProps draws a property string over known and unknown keys, and the same
// parts in another order.
func drawProps(t *rapid.T, keys map[string]*rapid.Generator[string]) (s, shuffled string) {
	names := append(slices.Sorted(maps.Keys(keys)), "invented", "later-key")
	chosen := rapid.SliceOfDistinct(rapid.SampledFrom(names), rapid.ID[string]).Draw(t, "keys")
	parts := make([]string, 0, len(chosen))
	for _, key := range chosen {
		generator := keys[key]
		if generator == nil {
			generator = values
		}
		parts = append(parts, fmt.Sprintf("%s=%s", key, generator.Draw(t, key)))
	}
	return strings.Join(parts, ","), strings.Join(rapid.Permutation(parts).Draw(t, "order"), ",")
}

var (
	switches = rapid.SampledFrom([]string{"0", "1", "on", "off", "yes", "no"})
	numbers  = rapid.StringMatching(`[1-9][0-9]{0,3}`)
	lists    = rapid.StringMatching(`[a-z0-9]{1,4}(;[a-z0-9]{1,4}){0,3}`)

	netKeys = map[string]*rapid.Generator[string]{
		"name": values, "bridge": values, "hwaddr": values, "ip": values, "gw": values, "ip6": values, "gw6": values,
		"tag": numbers, "mtu": numbers, "rate": rapid.StringMatching(`[1-9][0-9]{0,2}(\.[0-9]{1,3})?`), "trunks": lists,
		"firewall": switches, "link_down": switches, "host-managed": switches, "type": rapid.Just("veth"),
	}
	mountKeys = map[string]*rapid.Generator[string]{
		"volume": values, "mp": values, "size": rapid.StringMatching(`[1-9][0-9]{0,3}[KMGT]`), "backup": switches, "acl": switches,
		"replicate": switches, "ro": switches, "quota": switches, "shared": switches, "mountoptions": lists,
	}
	featureKeys = map[string]*rapid.Generator[string]{
		"nesting": switches, "keyctl": switches, "fuse": switches, "mknod": switches, "force_rw_sys": switches, "mount": lists,
	}
	startupKeys = map[string]*rapid.Generator[string]{"order": numbers, "up": numbers, "down": numbers}
)

type property[T any] interface {
	fmt.Stringer
	Equal(T) bool
}

// roundTrips: what was parsed is written and parsed to the same value, and the
// order of the parts has no meaning.
func roundTrips[T property[T]](parse func(string) (T, error), keys map[string]*rapid.Generator[string]) func(*rapid.T) {
	return func(t *rapid.T) {
		s, shuffled := drawProps(t, keys)
		value, err := parse(s)
		if err != nil {
			t.Fatalf("%q: %v", s, err)
		}
		again, err := parse(value.String())
		if err != nil {
			t.Fatalf("%q: %v", value, err)
		}
		if diff := cmp.Diff(value, again, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("%q became %q:\n%s", s, again, diff)
		}
		other, err := parse(shuffled)
		if err != nil || !value.Equal(other) || !other.Equal(value) {
			t.Fatalf("%q and %q differ, %v", s, shuffled, err)
		}
	}
}

func TestPropertyStringsRoundTrip(t *testing.T) {
	t.Run("net", rapid.MakeCheck(roundTrips(proxmox.ParseNet, netKeys)))
	t.Run("mount", rapid.MakeCheck(roundTrips(proxmox.ParseMount, mountKeys)))
	t.Run("features", rapid.MakeCheck(roundTrips(proxmox.ParseFeatures, featureKeys)))
	t.Run("startup", rapid.MakeCheck(roundTrips(proxmox.ParseStartup, startupKeys)))
}

func TestNetMergeProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(label string) proxmox.Net {
			s, _ := drawProps(t, netKeys)
			net, err := proxmox.ParseNet(s)
			if err != nil {
				t.Fatalf("%s %q: %v", label, s, err)
			}
			return net
		}
		observed, wish := draw("observed"), draw("wish")
		managed := rapid.SliceOfDistinct(rapid.SampledFrom(slices.Sorted(maps.Keys(netKeys))), rapid.ID[string]).Draw(t, "managed")
		merged := observed.Merge(wish, managed...)
		has, had, wanted := parts(merged), parts(observed), parts(wish)
		for key := range netKeys {
			want := had[key]
			if slices.Contains(managed, key) {
				want = wanted[key]
			}
			if has[key] != want {
				t.Fatalf("%s is %q, want %q", key, has[key], want)
			}
		}
		if again := merged.Merge(wish, managed...); !again.Equal(merged) {
			t.Fatalf("merged again: %s, then %s", merged, again)
		}
	})
}

func parts(net proxmox.Net) map[string]string {
	found := map[string]string{}
	for part := range strings.SplitSeq(net.String(), ",") {
		key, value, _ := strings.Cut(part, "=")
		found[key] = value
	}
	return found
}

func fuzzProperty[T property[T]](f *testing.F, parse func(string) (T, error)) {
	f.Fuzz(func(t *testing.T, s string) {
		value, err := parse(s)
		if err != nil {
			return
		}
		again, err := parse(value.String())
		if err != nil || !value.Equal(again) {
			t.Fatalf("%q is written %q and read %q, %v", s, value, again, err)
		}
	})
}

func FuzzParseNet(f *testing.F) {
	f.Add("name=eth0,bridge=vmbr0,tag=007,rate=1e3,trunks=;,invented=x")
	fuzzProperty(f, proxmox.ParseNet)
}

func FuzzParseMount(f *testing.F) {
	f.Add("local:1/vm-1-disk-0.raw,mp=/x,size=8G,mountoptions=a;b")
	f.Add("volume=a=b,size=x")
	fuzzProperty(f, proxmox.ParseMount)
}

func FuzzParseFeatures(f *testing.F) {
	f.Add("nesting=1,mount=nfs;cifs")
	fuzzProperty(f, proxmox.ParseFeatures)
}

func FuzzParseStartup(f *testing.F) {
	f.Add("3,up=1,down=2")
	fuzzProperty(f, proxmox.ParseStartup)
}

func FuzzParseSize(f *testing.F) {
	f.Add("8.5G")
	f.Add("9223372036854775807")
	f.Fuzz(func(t *testing.T, s string) {
		bytes, err := proxmox.ParseSize(s)
		if err != nil {
			return
		}
		if again, err := proxmox.ParseSize(proxmox.FormatSize(bytes)); err != nil || again != bytes || bytes < 0 {
			t.Fatalf("%q is %d, then %d, %v", s, bytes, again, err)
		}
	})
}

func FuzzParseTags(f *testing.F) {
	f.Add("b;A,c a  B")
	f.Fuzz(func(t *testing.T, s string) {
		tags := proxmox.ParseTags(s)
		if written := proxmox.FormatTags(tags); !proxmox.TagsEqual(tags, proxmox.ParseTags(written)) {
			t.Fatalf("%q is %q, written %q", s, tags, written)
		}
	})
}

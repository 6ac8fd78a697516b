package health

import (
	"net/netip"
	"testing"

	"pgregory.net/rapid"
)

func TestDevelopmentAddressMapRewrites(t *testing.T) {
	rewrite, err := ParseDevelopmentAddressMap("192.168.99.0/24=127.0.99.0/24, 10.1.16.0/20=127.1.32.0/20,192.168.1.12/32=127.0.0.9/32")
	if err != nil {
		t.Fatal(err)
	}
	for from, want := range map[string]string{
		"192.168.99.13": "127.0.99.13", "192.168.99.0": "127.0.99.0", "::ffff:192.168.99.255": "127.0.99.255",
		"10.1.16.1": "127.1.32.1", "10.1.31.254": "127.1.47.254", "192.168.1.12": "127.0.0.9",
	} {
		if got, err := rewrite(netip.MustParseAddr(from)); err != nil || got.String() != want {
			t.Errorf("%s -> %v, %v, want %s", from, got, err, want)
		}
	}
	for _, outside := range []string{"192.168.98.13", "192.168.1.11", "10.1.32.0", "127.0.99.13", "fd00::1", "8.8.8.8"} {
		if got, err := rewrite(netip.MustParseAddr(outside)); err == nil {
			t.Errorf("%s -> %v, want an error", outside, got)
		}
	}
}

func TestDevelopmentAddressMapRefuses(t *testing.T) {
	for _, text := range []string{
		"", "192.168.99.0/24", "192.168.99.0/24=", "=127.0.99.0/24",
		"192.168.99.0/24=10.0.99.0/24", "192.168.99.0/24=126.0.99.0/24", "192.168.99.0/24=128.0.0.0/24",
		"192.168.99.0/24=127.0.0.0/16", "192.168.99.1/24=127.0.99.0/24", "192.168.99.0/24=127.0.99.1/24",
		"0.0.0.0/0=0.0.0.0/0", "10.0.0.0/7=126.0.0.0/7", "fd00::/64=::1/64", "fd00::/24=127.0.99.0/24",
		"192.168.99.0/24=127.0.99.0/24,192.168.99.0/25=127.0.98.0/25",
		"192.168.99.0/24=127.0.99.0/24,192.168.98.0/24=127.0.99.0/24",
	} {
		if _, err := ParseDevelopmentAddressMap(text); err == nil {
			t.Errorf("%q was accepted", text)
		}
	}
}

func TestDevelopmentAddressMapNeverLeavesLoopback(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		bits := rapid.IntRange(8, 32).Draw(t, "bits")
		draw := func(label string) netip.Addr {
			return netip.AddrFrom4([4]byte(rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(t, label)))
		}
		from := netip.PrefixFrom(draw("from"), bits).Masked()
		raw := draw("to").As4()
		raw[0] = 127
		to := netip.PrefixFrom(netip.AddrFrom4(raw), bits).Masked()
		rewrite, err := ParseDevelopmentAddressMap(from.String() + "=" + to.String())
		if err != nil {
			t.Fatal(err)
		}
		addr := draw("address")
		got, err := rewrite(addr)
		if from.Contains(addr) != (err == nil) {
			t.Fatalf("%v in %v: %v", addr, from, err)
		}
		if err == nil && !(to.Contains(got) && got.IsLoopback()) {
			t.Fatalf("%v -> %v, outside %v", addr, got, to)
		}
	})
}

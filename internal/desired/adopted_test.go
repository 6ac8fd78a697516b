package desired

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/utils/ptr"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/plan"
)

// found is a container that somebody made on a network that is not the host's.
func found() plan.Observed {
	return plan.Observed{
		Exists: true, Hostname: "DB", SearchDomain: "home", Nameservers: []netip.Addr{netip.MustParseAddr("9.9.9.9")},
		Net: plan.Net{Bridge: "vmbr1", IP: netip.MustParsePrefix("192.168.1.11/24")}, CPU: plan.CPU{Cores: 3, LimitMilli: 1000},
	}
}

func TestAnAdoptedContainerStaysAsItWasFoundWhereTheServiceIsSilent(t *testing.T) {
	h := host(t)
	h.Spec.Defaults.Timezone, h.Spec.Defaults.Features = "UTC", &v1alpha1.Features{Keyctl: ptr.To(true), FUSE: ptr.To(true), Mount: []string{"nfs"}}
	for _, c := range []struct {
		name, spec string
		o          plan.Observed
		want       func(d *plan.Desired)
	}{
		{"one that says nothing", `{adopt: true, vmid: 120, ip: 192.168.1.11, hostname: db}`, found(), func(d *plan.Desired) {
			o := found()
			d.Hostname, d.SearchDomain, d.Nameservers, d.CPU = o.Hostname, o.SearchDomain, o.Nameservers, o.CPU
			d.Net.Gateway, d.Net.VLANTag, d.Nesting, d.Options = netip.Addr{}, 0, false, plan.Options{}
		}},
		{"one that says all", `{adopt: true, vmid: 120, ip: 192.168.1.11, hostname: db2, resources: {cpu: 2}, timezone: UTC, ` +
			`network: {gateway: 192.168.1.2, vlanTag: 9}, features: {nesting: true, keyctl: true, fuse: false, mount: [cifs]}}`, found(), func(d *plan.Desired) {
			d.SearchDomain, d.Nameservers = "home", found().Nameservers
		}},
		{"one that is made here", `{ip: 192.168.1.11, hostname: db}`, found(), func(*plan.Desired) {}},
		{"one that is not there", `{adopt: true, vmid: 120, ip: 192.168.1.11, hostname: db}`, plan.Observed{}, func(*plan.Desired) {}},
	} {
		t.Run(c.name, func(t *testing.T) {
			svc := service(t, c.spec)
			got, err := Container(h, svc, 0)
			if err != nil {
				t.Fatal(err)
			}
			want := got
			c.want(&want)
			AsFound(h, svc, &got, c.o)
			if diff := cmp.Diff(want, got, cmpAddrs()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A gateway or VLAN other than the service's is no matter of silence: it is put right, and the adoption says so first.
func TestAnAdoptedContainerIsMovedToAnotherGatewayAndVLAN(t *testing.T) {
	h, svc, o := host(t), service(t, `{adopt: true, vmid: 120, ip: 192.168.1.11, hostname: db}`), found()
	o.Net.Gateway, o.Net.VLANTag = netip.MustParseAddr("192.168.1.254"), 5
	d, err := Container(h, svc, 0)
	if err != nil {
		t.Fatal(err)
	}
	AsFound(h, svc, &d, o)
	if d.Net.Gateway.String() != "192.168.1.1" || d.Net.VLANTag != 100 {
		t.Errorf("%+v", d.Net)
	}
}

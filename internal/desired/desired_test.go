package desired

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/yaml"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/plan"
)

func host(t *testing.T) *v1alpha1.NixMoxHost {
	t.Helper()
	h := &v1alpha1.NixMoxHost{}
	h.Name = "default"
	parse(t, `
network: {cidr: 192.168.1.0/24, gateway: 192.168.1.1, dnsServers: [192.168.1.10, "fd00::10"], vlanTag: 100, bridge: vmbr1, domain: example.com, sshPublicKeys: [ssh-ed25519 AAAA]}
defaults: {template: "local:vztmpl/nixos.tar.xz", storage: local-zfs, resources: {memory: 1Gi}}`, &h.Spec)
	return h
}

func service(t *testing.T, spec string) *v1alpha1.NixMoxService {
	t.Helper()
	s := &v1alpha1.NixMoxService{}
	s.Name = "db"
	parse(t, spec, &s.Spec)
	return s
}

func parse(t *testing.T, text string, into any) {
	t.Helper()
	if err := yaml.UnmarshalStrict([]byte(text), into); err != nil {
		t.Fatal(err)
	}
}

func cmpAddrs() cmp.Option {
	return cmp.Options{cmp.Comparer(func(a, b netip.Addr) bool { return a == b }), cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })}
}

func TestAServiceThatSaysLittleGetsTheHostsDefaults(t *testing.T) {
	got, err := Container(host(t), service(t, `{ip: 192.168.1.11, hostname: db}`), 3)
	if err != nil {
		t.Fatal(err)
	}
	want := plan.Desired{
		Hostname: "db.example.com", SearchDomain: "example.com",
		Nameservers: []netip.Addr{netip.MustParseAddr("192.168.1.10"), netip.MustParseAddr("fd00::10")},
		Net: plan.Net{Bridge: "vmbr1", IP: netip.MustParsePrefix("192.168.1.11/24"), Gateway: netip.MustParseAddr("192.168.1.1"),
			VLANTag: 100},
		MemoryMiB: 1024, SwapMiB: 512, CPU: plan.CPU{Cores: 1},
		Template: "local:vztmpl/nixos.tar.xz", Storage: "local-zfs", SSHKeys: []string{"ssh-ed25519 AAAA"},
		Unprivileged: true, Nesting: true, RootBytes: 8 << 30, Tags: []string{"nixmox"}, OnBoot: true, BootOrder: 3, Run: true,
		ShutdownTimeout: time.Minute,
	}
	if diff := cmp.Diff(want, got, cmpAddrs()); diff != "" {
		t.Error(diff)
	}
}

func TestAServiceThatSaysEverythingGetsIt(t *testing.T) {
	got, err := Container(host(t), service(t, `
enable: false
ip: 192.168.1.11/16
hostname: db.other.org
restartPolicy: always
shutdownTimeout: 5m
resources: {memory: 2000M, cpu: 1500m, storage: 20Gi, swap: 0}
volumes: [{name: data, mountPath: /data, size: 5Gi}, {name: log, mountPath: /log, size: 1Gi, storage: slow, backup: false}]
template: local:vztmpl/debian.tar.zst
network: {bridge: vmbr9, vlanTag: 7, gateway: 192.168.0.1, macAddress: "BC:24:11:00:00:01", firewall: true}
unprivileged: false
features: {nesting: false}
tags: [db, nixmox]`), 0)
	if err != nil {
		t.Fatal(err)
	}
	want := plan.Desired{
		Hostname: "db.other.org", SearchDomain: "example.com",
		Nameservers: []netip.Addr{netip.MustParseAddr("192.168.1.10"), netip.MustParseAddr("fd00::10")},
		Net: plan.Net{Bridge: "vmbr9", IP: netip.MustParsePrefix("192.168.1.11/16"), Gateway: netip.MustParseAddr("192.168.0.1"),
			VLANTag: 7, MAC: "BC:24:11:00:00:01", Firewall: true},
		MemoryMiB: 1908, SwapMiB: 0, CPU: plan.CPU{Cores: 2, LimitMilli: 1500},
		Template: "local:vztmpl/debian.tar.zst", Storage: "local-zfs", SSHKeys: []string{"ssh-ed25519 AAAA"},
		RootBytes: 20 << 30,
		Volumes: []plan.Volume{{Name: "data", MountPath: "/data", Storage: "local-zfs", Bytes: 5 << 30, Backup: true},
			{Name: "log", MountPath: "/log", Storage: "slow", Bytes: 1 << 30}},
		Tags: []string{"db", "nixmox"}, ShutdownTimeout: 5 * time.Minute,
	}
	if diff := cmp.Diff(want, got, cmpAddrs()); diff != "" {
		t.Error(diff)
	}
}

func TestWhatOnlyAnEditMends(t *testing.T) {
	for _, c := range []struct {
		name, spec string
		edit       func(*v1alpha1.NixMoxHost)
		want       string
	}{
		{"IPv6 without a prefix on an IPv4 network", `{ip: "fd00::11", hostname: db}`, nil, "write it with a prefix, such as fd00::11/64"},
		{"no template anywhere", `{ip: 192.168.1.11, hostname: db}`, func(h *v1alpha1.NixMoxHost) { h.Spec.Defaults.Template = "" }, "set spec.template"},
		{"a gateway of the other IP version", `{ip: 192.168.1.11, hostname: db, network: {gateway: "fd00::1"}}`, nil, "not of the same IP version"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := host(t)
			if c.edit != nil {
				c.edit(h)
			}
			_, err := Container(h, service(t, c.spec), 0)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one that says %q", err, c.want)
			}
		})
	}
}

func TestIPv6TakesNoIPv4Gateway(t *testing.T) {
	got, err := Container(host(t), service(t, `{ip: "fd00::11/64", hostname: db}`), 0)
	if err != nil || got.Net.Gateway.IsValid() {
		t.Errorf("gateway %v, error %v", got.Net.Gateway, err)
	}
}

func TestCPU(t *testing.T) {
	for text, want := range map[string]plan.CPU{
		"2": {Cores: 2}, "1500m": {Cores: 2, LimitMilli: 1500}, "0.5": {Cores: 1, LimitMilli: 500}, "2000m": {Cores: 2}, "10m": {Cores: 1, LimitMilli: 10},
	} {
		if got := CPU(resource.MustParse(text)); got != want {
			t.Errorf("%s = %+v, want %+v", text, got, want)
		}
	}
}

func TestOnBootFollowsTheRestartPolicy(t *testing.T) {
	for policy, want := range map[v1alpha1.RestartPolicy]bool{v1alpha1.RestartAlways: true, v1alpha1.RestartUnlessStopped: true, v1alpha1.RestartNever: false} {
		svc := service(t, `{ip: 192.168.1.11, hostname: db}`)
		svc.Spec.RestartPolicy = policy
		if got, _ := Container(host(t), svc, 0); got.OnBoot != want {
			t.Errorf("%s: onboot %v", policy, got.OnBoot)
		}
		svc.Spec.Enable = ptr.To(false)
		if got, _ := Container(host(t), svc, 0); got.OnBoot {
			t.Errorf("%s and disabled: onboot", policy)
		}
	}
}

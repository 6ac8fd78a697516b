package main

import (
	"fmt"
	"math/rand/v2"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/pvesim"
)

// shape is what a simulated installation and its services look like.
type shape struct {
	services, nodes int
	// levels of dependencies; 1 is none.
	levels        int
	gate          v1alpha1.Gate
	maxConcurrent int32
	// create, start and ready are seconds; ready is up to spread longer, by chance.
	create, start, ready, spread float64
}

const (
	tokenID     = "nixmox@pve!ctl"
	tokenSecret = "00000000-0000-0000-0000-000000bench0"
	firstVMID   = 1000
	// addressMap is the controller's: the world with the number k has 10.k.0.0/16, and answers at 127.k.0.0/16.
	addressMap = "10.0.0.0/8=127.0.0.0/8"
)

func nodeName(i int) string    { return fmt.Sprintf("pve%d", i+1) }
func serviceName(i int) string { return fmt.Sprintf("s%05d", i) }

// world is the simulated Proxmox of a shape.
func (s shape) world(k int) *pvesim.World {
	w := &pvesim.World{
		Version: pvesim.Version{Release: "9.2", Version: "9.2.11"},
		Storages: map[string]pvesim.Storage{
			"local":     {Type: "dir", Content: []string{"rootdir", "vztmpl", "backup"}},
			"local-zfs": {Type: "zfspool", Content: []string{"rootdir", "images"}, Snapshots: true},
		},
		Templates: []pvesim.Template{{VolID: "local:vztmpl/nixos.tar.xz", OSType: "nixos", Arch: "amd64", Systemd: true}},
		Bridges:   map[string]pvesim.Bridge{"vmbr0": {CIDR: fmt.Sprintf("10.%d.255.254/16", k)}},
		MACPrefix: "BC:24:11",
		Roles: map[string][]string{
			"NixMox": {"VM.Allocate", "VM.Audit", "VM.Config.CPU", "VM.Config.Disk", "VM.Config.Memory", "VM.Config.Network", "VM.Config.Options",
				"VM.PowerMgmt", "VM.Snapshot", "VM.Snapshot.Rollback"},
			"NixMoxStorage": {"Datastore.AllocateSpace", "Datastore.Audit"},
		},
		Users: map[string]pvesim.User{"nixmox@pve": {ACL: pvesim.ACL{"/vms": "NixMox", "/storage/local": "NixMoxStorage",
			"/storage/local-zfs": "NixMoxStorage", "/sdn/zones/localnetwork/vmbr0": "PVESDNUser"}}},
		Tokens:    map[string]pvesim.Token{"ctl": {ID: tokenID, Secret: tokenSecret}},
		Durations: map[string]float64{"vzcreate": s.create, "vzstart": s.start, "vzshutdown": 1},
		Loopback:  map[string]string{fmt.Sprintf("10.%d.0.0/16", k): fmt.Sprintf("127.%d.0.0/16", k)},
	}
	for i := range s.nodes {
		w.Nodes = append(w.Nodes, pvesim.Node{Name: nodeName(i), CPUs: 16, MemoryMiB: 256 << 10, Status: "online"})
	}
	random := rand.New(rand.NewPCG(7, uint64(s.services)))
	for i := range s.services {
		w.Services = append(w.Services, pvesim.Service{
			Hostname: serviceName(i) + ".lan", ReadyAfter: s.ready + s.spread*random.Float64(),
			HTTP: []pvesim.HTTPService{{Port: 8080, Path: "/", Status: 200, Scope: pvesim.ScopeAddress}},
		})
	}
	return w
}

// manifests are the objects of a shape. Each service depends on up to three random ones of lower levels.
func (s shape) manifests(namespace string, k int, endpoint string) (*v1alpha1.NixMoxHost, []*v1alpha1.NixMoxService) {
	host := &v1alpha1.NixMoxHost{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "default"}}
	host.Spec = v1alpha1.NixMoxHostSpec{
		Endpoints: []string{endpoint}, CredentialsRef: v1alpha1.SecretReference{Name: "pve"},
		VMIDRange: v1alpha1.VMIDRange{From: firstVMID, To: int32(firstVMID + s.services + 99)},
		Network:   v1alpha1.HostNetwork{CIDR: fmt.Sprintf("10.%d.0.0/16", k), Gateway: fmt.Sprintf("10.%d.255.254", k), Domain: "lan"},
		Defaults:  v1alpha1.ServiceDefaults{Template: "local:vztmpl/nixos.tar.xz", Storage: "local-zfs"},
		Rollout:   v1alpha1.Rollout{Gate: s.gate, MaxConcurrent: s.maxConcurrent},
	}
	random := rand.New(rand.NewPCG(11, uint64(s.services)))
	services := make([]*v1alpha1.NixMoxService, s.services)
	for i := range services {
		svc := &v1alpha1.NixMoxService{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: serviceName(i)}}
		address := fmt.Sprintf("10.%d.%d.%d", k, i/250, i%250+1)
		svc.Spec.IP, svc.Spec.Hostname = address, serviceName(i)
		svc.Spec.HealthCheck = fmt.Sprintf("http://%s:8080/", address)
		if level := i * s.levels / s.services; level > 0 {
			below := (level*s.services + s.levels - 1) / s.levels // the first of this level
			for range 1 + random.IntN(3) {
				if name := serviceName(random.IntN(below)); !slices.Contains(svc.Spec.DependsOn, name) {
					svc.Spec.DependsOn = append(svc.Spec.DependsOn, name)
				}
			}
		}
		services[i] = svc
	}
	return host, services
}

func secret(namespace string) *corev1.Secret {
	return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "pve"},
		StringData: map[string]string{"tokenID": tokenID, "tokenSecret": tokenSecret}}
}

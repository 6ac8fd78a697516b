package crash

import (
	"strings"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/pvesim"
)

const adopts = `{ip: 192.168.99.11, hostname: a, vmid: 120, adopt: true, template: "local:vztmpl/nixos.tar.xz", resources: {memory: 1Gi},
  healthCheck: systemctl is-active --quiet a, volumes: [{name: data, mountPath: /data, size: 1Gi}]}`

// madeByHand is a container that somebody made, which the host lets be adopted.
func madeByHand(w *world) {
	w.must(w.PVE.AddGuest(pvesim.Guest{VMID: 120, Node: "pve1", Running: true, Config: map[string]string{
		"hostname": "a.lan", "memory": "512", "swap": "512", "cores": "1", "unprivileged": "1", "features": "nesting=1", "searchdomain": "lan",
		"description": "ask Eve", "rootfs": "local-zfs:subvol-120-disk-0,size=8G", "mp3": "local-zfs:subvol-120-disk-1,mp=/data,backup=1,size=1G",
		"net0": "name=eth0,bridge=vmbr0,gw=192.168.99.1,hwaddr=BC:24:11:AA:BB:CC,ip=192.168.99.11/24,type=veth",
	}}))
	w.Host(func(h *v1alpha1.NixMoxHost) { h.Spec.Policy.AdoptableVMIDs = []string{"110-130"} })
}

func adopted(w *world) error {
	c, _ := w.PVE.Container(120)
	if c.Config["memory"] != "1024" || !strings.Contains(c.Config["mp3"], "subvol-120-disk-1,mp=/data") || !strings.Contains(c.Config["description"], "ask Eve") {
		return missing("it is not as it should be: %v", c.Config)
	}
	if n := len(w.PVE.Containers()); n != 1 {
		return missing("there are %d containers", n)
	}
	return readyAt("a", 120)(w)
}

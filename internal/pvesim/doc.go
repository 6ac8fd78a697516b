// Package pvesim simulates the API of Proxmox VE 9.2 for LXC containers, over real HTTP. It checks parameters with the
// official tables (package schema), keeps configurations as text as Proxmox does, runs tasks that take time, and gives
// containers simulated services that answer probes. Nothing of the real machine is read or changed, apart from
// listeners on loopback addresses that the world file asks for.
//
// A file holds one topic: create, config_write, power, snapshot, task, flock, storage, access and so on; what a running
// container does with a changed key stands as a table in hotplug.go. Sources are cited where a behaviour would surprise:
// Proxmox's own files by name (PVE/LXC/Config.pm), or "observed on 9.2".
//
// Callers: cmd/pvesim, the demo's check, and tests. Tests use it in the process:
//
//	world, err := pvesim.ReadWorld("world.json")
//	sim, err := pvesim.New(world, pvesim.Options{TimeScale: 20})
//	server := httptest.NewServer(sim.Handler())
//	defer sim.Close()
//
// and look at or change the world behind the client's back with the methods in hands.go and fault.go.
package pvesim

package proxmox

// VMID is the number of a guest, unique in a Proxmox cluster over containers
// and virtual machines. Proxmox accepts 100 to 999999999.
type VMID int

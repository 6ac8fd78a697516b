// Package goproxmox uses go-proxmox v0.8.2, unmodified, against the simulator as its users use it against Proxmox VE:
// what works there must work here, and what trips there must trip here in the same way. It holds tests alone.
package goproxmox

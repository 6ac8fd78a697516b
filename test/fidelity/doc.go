// Package fidelity replays conversations with the Proxmox VE API against an endpoint and holds its answers against
// recordings of a real Proxmox VE; it can record another installation too. testdata holds the conversations (scenarios),
// what Proxmox VE 9.2.11 answered (recordings) and what an endpoint must hold for them (world.json); see README.md.
//
// It knows an endpoint by its URL alone, so that pvesim is judged as a stranger would judge it. Its callers are
// cmd/replay, for people, and this folder's tests.
package fidelity

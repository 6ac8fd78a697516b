// Package proxmox is our client of the Proxmox VE API: the calls that a
// controller of LXC containers makes, and the grammar of the texts that go
// over them (property strings, sizes, tags, task ids).
//
// What lives here: one method a call, tolerant decoding, one typed error with
// predicates, TLS pinning, fail-over of reads between the nodes of a cluster.
// What does not: decisions. Nothing here polls, retries a change or knows why
// a call is made. The package imports nothing else of this module and nothing
// of Kubernetes; tracing goes through Options.Observe.
//
// Callers: internal/execute (changes), internal/inventory (reads) and
// internal/guest (where a container runs).
//
// It stands on github.com/luthermonson/go-proxmox for authentication and the
// data envelope. That library drops the text of most errors and takes a 596
// with an empty body for success, so every reply that is not a success becomes
// an *Error in our own http.RoundTripper, before the library sees it.
package proxmox

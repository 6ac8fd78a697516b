// Package crash lets the controller die at every write that it makes. A scenario runs once to name each write, to Proxmox and to the
// Kubernetes API, and then again for each of them twice: the controller dies right before the write has its effect, and right after it,
// so that nobody got the answer. A new controller takes over what is left, and must come to the same end with the oracle content.
package crash

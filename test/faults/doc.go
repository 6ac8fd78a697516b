// Package faults has every call that the controller makes to Proxmox answered in every way that goes wrong, once, three times and for a
// while, during the life of a service from its creation to its destruction. When the fault ends, the life must go on to its end, with
// nothing made twice, the oracle content, and no more calls meanwhile than patience allows.
package faults

package controllers

import (
	"sync"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/resourceversion"
)

// freshness remembers what we wrote last to each object, so that a pass never decides on a cached object that is older than our own
// write. Conditional writes make such a pass harmless; this makes it rare.
type freshness struct {
	mu      sync.Mutex
	written map[types.NamespacedName]string // until it was read back
	last    map[types.NamespacedName]string
	writing map[types.NamespacedName]bool
}

func newFreshness() *freshness {
	return &freshness{
		written: map[types.NamespacedName]string{}, last: map[types.NamespacedName]string{}, writing: map[types.NamespacedName]bool{},
	}
}

// writes says that a write is under way; wrote or failed ends it.
func (f *freshness) writes(name types.NamespacedName) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.writing[name] = true
}

func (f *freshness) failed(name types.NamespacedName) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.writing, name)
}

func (f *freshness) wrote(name types.NamespacedName, version string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.writing, name)
	f.written[name], f.last[name] = version, version
}

// foreign is whether a version of an object was written by somebody else. While a write of ours is under way it counts as ours: if it is
// not, that write fails on it and looks again.
func (f *freshness) foreign(name types.NamespacedName, version string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.writing[name] {
		return false
	}
	order, err := resourceversion.CompareResourceVersion(version, f.last[name])
	return err != nil || order > 0
}

// stale is whether an object as read is older than our last write of it.
func (f *freshness) stale(name types.NamespacedName, version string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	written, known := f.written[name]
	if !known {
		return false
	}
	order, err := resourceversion.CompareResourceVersion(version, written)
	if err == nil && order < 0 {
		return true
	}
	delete(f.written, name)
	return false
}

func (f *freshness) forget(name types.NamespacedName) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.written, name)
	delete(f.last, name)
	delete(f.writing, name)
}

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
	written map[types.NamespacedName]string
}

func newFreshness() *freshness { return &freshness{written: map[types.NamespacedName]string{}} }

func (f *freshness) wrote(name types.NamespacedName, version string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.written[name] = version
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
}

// Package manifests tests what config/ installs in a cluster: that it renders, that a real API server accepts it, and that the
// controller can do its work with the rights it grants and needs all of them. It holds tests alone.
package manifests

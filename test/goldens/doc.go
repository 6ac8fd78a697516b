// Package goldens holds containers as each version of the controller made them, and proves that this version has nothing to do on them: an
// upgrade of the controller is quiet. Before a release, `make goldens NAME=v1.2` adds those of the present version; none is ever removed.
package goldens

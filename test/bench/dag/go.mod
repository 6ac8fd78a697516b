module github.com/nixmox/nixmox-controller/test/bench/dag

go 1.26.0

replace github.com/nixmox/nixmox-controller => ../../..

require (
	github.com/nixmox/nixmox-controller v0.0.0-00010101000000-000000000000
	gonum.org/v1/gonum v0.17.0
)

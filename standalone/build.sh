#!/bin/sh
# Builds the nixmox binary: standalone/build.sh [OUTPUT], by default bin/nixmox of
# the repository. The first build compiles Kubernetes and etcd, about ten minutes
# of CPU; later ones take seconds. It moves: `go build` with GOFLAGS=-v names each
# package.
#
# -trimpath and CGO_ENABLED=0 are part of the cache's key: build and test this
# module with both, or everything is compiled twice. The versions below follow
# go.mod; without them the API server calls itself v0.0.0 and kubectl warns.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
output=${1:-$here/../bin/nixmox}
case $output in /*) ;; *) output=$PWD/$output ;; esac

cd "$here"
kubernetes=$(sed -n 's|^[[:space:]]*k8s.io/kubernetes \(v[0-9.]*\).*|\1|p' go.mod)
major=$(echo "$kubernetes" | sed 's/^v\([0-9]*\)\..*/\1/')
minor=$(echo "$kubernetes" | sed 's/^v[0-9]*\.\([0-9]*\)\..*/\1/')
stamp=
for package in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
	stamp="$stamp -X $package.gitVersion=$kubernetes -X $package.gitMajor=$major -X $package.gitMinor=$minor"
	stamp="$stamp -X $package.gitCommit= -X $package.gitTreeState=clean"
done
stamp="$stamp -X main.version=${NIXMOX_VERSION:-dev}"

exec env CGO_ENABLED=0 go build -trimpath -ldflags "-s -w$stamp" -o "$output" ./cmd/nixmox

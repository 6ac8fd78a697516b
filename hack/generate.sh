#!/usr/bin/env bash
# Writes every generated file below the folder DIR, "." being the repository itself.
#
#   CONTROLLER_GEN=path hack/generate.sh DIR
#
# hack/generate-check.sh calls it with an empty folder to learn what the files should be.
set -euo pipefail

cd "$(dirname "$0")/.."
out=${1:?usage: hack/generate.sh DIR}

"$CONTROLLER_GEN" \
  object:headerFile=hack/boilerplate.go.txt \
  crd \
  paths=./apis/... \
  output:object:dir="$out/apis/v1alpha1" \
  output:crd:dir="$out/config/crd/bases"

"$CONTROLLER_GEN" \
  rbac:roleName=nixmox-controller \
  paths=./controllers/... \
  output:rbac:dir="$out/config/rbac"

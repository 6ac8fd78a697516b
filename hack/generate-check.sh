#!/usr/bin/env bash
# Fails, with the difference, where a generated file in the tree is not what "make generate" would write now.
# Works on a copy, so that it neither changes the tree nor asks whether the files are committed.
set -euo pipefail

cd "$(dirname "$0")/.."
fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT

hack/generate.sh "$fresh"

current=true
# Whole folders are compared where all they hold is generated: a CRD whose type is gone is found too.
for path in apis/v1alpha1/zz_generated.deepcopy.go config/crd/bases config/rbac/role.yaml; do
  diff -Nru "$path" "$fresh/$path" || current=false
done

if ! $current; then
  echo 'Generated files are not current: run "make generate" and commit what it writes.' >&2
  exit 1
fi
echo "Generated files are current."

#!/usr/bin/env bash
# Runs each fuzz target of the root module for FUZZTIME (default 100000x), one after the other: Go fuzzes one at a time.
# A number of inputs rather than a time: at the end of a time Go now and then reports its own deadline as a failure.
# What a target finds is kept below its package in testdata/fuzz; commit it with the repair, it is a test from then on.
set -euo pipefail

cd "$(dirname "$0")/.."
go=${GO:-go}
count=0
while IFS=: read -r file target; do
  count=$((count + 1))
  echo "== $target (${file%/*})"
  # By default an input that is merely new may be shortened for a minute, while nothing is fuzzed.
  "$go" test -run '^$' -fuzz "^$target\$" -fuzzminimizetime 20x -fuzztime "${FUZZTIME:-100000x}" "./${file%/*}"
done < <(git ls-files --cached --others --exclude-standard '*_test.go' ':!standalone' |
  xargs grep -HoE '^func Fuzz[A-Za-z0-9_]+' | sed 's/func //' | sort)
echo "$count fuzz targets found nothing"

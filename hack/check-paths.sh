#!/usr/bin/env bash
# Fails where a tracked file names a folder of somebody's own machine: it works there and nowhere else.
set -euo pipefail

cd "$(dirname "$0")/.."
# The brackets keep the pattern from finding itself.
own='(^|[^[:alnum:]_./-])/([w]ork|[h]ome/[a-z]+|[U]sers/[A-Za-z]+)/'

if git grep -nIE "$own"; then
  echo 'The lines above name a path of one machine. Use a path relative to the repository, or a temporary folder.' >&2
  exit 1
fi

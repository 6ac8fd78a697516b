#!/usr/bin/env bash
# Runs "go build" with its arguments and shows that it moves: a cold build of the standalone API server
# compiles more than a thousand packages, and go itself says nothing for minutes.
#
#   hack/build-progress.sh [go build flags...] PACKAGES
#
# On a terminal one line is rewritten; elsewhere every 100th package is a line. A warm build prints nothing.
# The total is what the packages depend on; those that the cache already has are not compiled, so a build
# that is partly warm ends before it reaches the total.
set -euo pipefail

go=${GO:-go}
packages=()
for arg in "$@"; do
  case $arg in
    ./* | .) packages+=("$arg") ;;
  esac
done

total=$("$go" list -deps "${packages[@]}" | wc -l)
total=$((total))
width=${#total}
terminal=false
if [ -t 2 ]; then terminal=true; fi

# show COUNT PACKAGE: tells how far the build is.
show() {
  if [ "$1" -eq 20 ] && [ "$total" -gt 1000 ]; then
    clear_line
    echo "The first build takes about ten minutes of CPU; later ones take seconds." >&2
  fi
  if $terminal; then
    printf '\r\033[K[%*d/%d] %.60s' "$width" "$1" "$total" "$2" >&2
  elif [ $(($1 % 100)) -eq 0 ]; then
    printf '[%*d/%d] %s\n' "$width" "$1" "$total" "$2" >&2
  fi
}

clear_line() {
  if $terminal; then printf '\r\033[K' >&2; fi
}

# watch reads what go writes: a line that is one word is a package being compiled; all else (errors,
# downloads) goes through as it is.
watch() {
  local count=0 line
  while IFS= read -r line; do
    if [[ $line =~ ^[[:alnum:]][^[:space:]:]*$ ]]; then
      count=$((count + 1))
      show "$count" "$line"
    else
      clear_line
      printf '%s\n' "$line" >&2
    fi
  done
  clear_line
}

"$go" build -v "$@" 2>&1 | watch

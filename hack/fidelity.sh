#!/usr/bin/env bash
# Holds bin/pvesim against the recordings of a real Proxmox VE: one scenario after the other, then eight at once.
# TIME_SCALE=1 lets lags and tasks take as long as they do there, which is about four minutes in all.
set -euo pipefail

cd "$(dirname "$0")/.."
line=$(mktemp)
bin/pvesim --world test/fidelity/testdata/world.json --time-scale "${TIME_SCALE:-10}" \
  --listen 127.0.0.1:0 --control 127.0.0.1:0 >"$line" &
pvesim=$!
trap 'kill "$pvesim" 2>/dev/null || true; rm -f "$line"' EXIT

until [[ -s $line ]]; do
  kill -0 "$pvesim" # it has said why it ended
  sleep 0.05
done
read -r endpoint control < <(sed -E 's|.* listening on ([^ ]+) .* control http://(.*)|\1 \2|' "$line")

for jobs in 1 8; do
  echo "== $jobs at once"
  "${GO:-go}" run ./test/fidelity/cmd/replay compare --endpoint "$endpoint" --jobs "$jobs" \
    --hook "unlock=bin/pvesim ctl --control $control unlock {vmid}"
done

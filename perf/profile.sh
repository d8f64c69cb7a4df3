#!/bin/sh
# Where walcast spends its time: perf record of the server while a fleet drains synthetic WAL, and the
# report of it. The recording stays, for `perf report -i FILE` or a flame graph.
#   perf/profile.sh [STANDBYS [MEGABYTES [FILE]]]      16, 512, walcast.perf
# WALCAST_BIN_DIR names a build to profile; without it, the release preset is built first. What else
# walcast is to be told, such as --copy-threshold, goes into WALCAST_OPTIONS.
set -eu
standbys="${1:-16}"
megabytes="${2:-512}"
recording="$(realpath -m "${3:-walcast.perf}")"
. "$(dirname "$0")/prepare.sh"

command -v perf >/dev/null || {
  echo "perf/profile.sh needs perf (apt-get install linux-perf)." >&2
  exit 1
}
perf record -q -o /dev/null true >/dev/null 2>&1 || {
  echo "perf may not record here: see /proc/sys/kernel/perf_event_paranoid, which is" \
    "$(cat /proc/sys/kernel/perf_event_paranoid 2>/dev/null || echo missing)." >&2
  exit 1
}
prepare walcast walbench

area="$(mktemp -d)"
server=""
trap '[ -z "$server" ] || kill "$server"; rm -rf "$area"' EXIT
"$WALCAST_BIN_DIR/walcast" generate --size "${megabytes}MB" "$area/wal"
"$WALCAST_BIN_DIR/walcast" serve --wal-directory "$area/wal" --archive-is-immutable \
  --port 0 ${WALCAST_OPTIONS:-} \
  >"$area/out" &
server=$!
until grep -q "ready on" "$area/out"; do
  kill -0 "$server" || exit 1
  sleep 0.1
done
# Synthetic WAL begins at the second segment, as a cluster's does.
end=$((16777216 + megabytes * 1048576))
port="$(sed -n 's/^walcast: ready on .*:\([0-9]*\)$/\1/p' "$area/out")"

perf record -q --call-graph fp -p "$server" -o "$recording" -- \
  "$WALCAST_BIN_DIR/walbench" --port "$port" --standbys "$standbys" --start 0/1000000 \
  --until "$(printf '%X/%X' $((end >> 32)) $((end & 4294967295)))"
perf report --stdio --no-children --percent-limit 1 -g none -i "$recording" | cut -c1-100
echo "Recorded in $recording"

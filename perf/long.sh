#!/bin/sh
# What a long record and the padding of a switch cost behind walcast and behind PostgreSQL 15's walsender, live and
# cold, and what live standbys beside them notice, in one run. docs/benchmarking.md has the method.
#   perf/long.sh [--record-megabytes 256] [--segment-megabytes 1024] [--standbys 50] [--rounds 3]
# WALCAST_BIN_DIR names the build that is measured; without it, the release preset is built first.
set -eu
[ -z "${WALCAST_BIN_DIR:-}" ] || WALCAST_BIN_DIR="$(realpath "$WALCAST_BIN_DIR")"
cd "$(dirname "$0")/.."
. scripts/packages.sh

need_packages $demo_packages $test_packages
if [ -z "${WALCAST_BIN_DIR:-}" ]; then
  need_packages $build_packages
  echo "Building walcast (a few minutes the first time) ..."
  build release --target walcast walbench
  WALCAST_BIN_DIR="$PWD/build/release/bin"
fi
export WALCAST_BIN_DIR
PYTHONPATH="$PWD/tests/e2e:$PWD/perf" exec python3 -B perf/long.py "$@"

#!/bin/sh
# One load on walcast and on PostgreSQL 15's own walsender, in one run, over the same WAL: throughput,
# server CPU per GB and memory per standby, and how they compare. docs/benchmarking.md has the method.
#   perf/compare.sh [--standbys N] [--megabytes N] [--rounds N]
# WALCAST_BIN_DIR names a build to compare; without it, the release preset is built first.
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
PYTHONPATH="$PWD/tests/e2e" exec python3 -B perf/compare.py "$@"

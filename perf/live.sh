#!/bin/sh
# What a commit costs on its way to live standbys: behind PostgreSQL 15's walsenders, a bare forwarder
# and walcasts of one or more builds, in one run. docs/benchmarking.md has the method.
#   perf/live.sh [--standbys N] [--rate N] [--commits N] [--rounds N] [--walcast LABEL=PATH ...]
# WALCAST_BIN_DIR names the build whose walbench and forwarder are used, and whose walcast is measured
# if no other is named; without it, the release preset is built first.
set -eu
[ -z "${WALCAST_BIN_DIR:-}" ] || WALCAST_BIN_DIR="$(realpath "$WALCAST_BIN_DIR")"
cd "$(dirname "$0")/.."
. scripts/packages.sh

need_packages $demo_packages $test_packages
if [ -z "${WALCAST_BIN_DIR:-}" ]; then
  need_packages $build_packages
  echo "Building walcast (a few minutes the first time) ..."
  build release --target walcast walbench forwarder
  WALCAST_BIN_DIR="$PWD/build/release/bin"
fi
export WALCAST_BIN_DIR
PYTHONPATH="$PWD/tests/e2e" exec python3 -B perf/live.py "$@"

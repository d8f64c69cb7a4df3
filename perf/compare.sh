#!/bin/sh
# One load on PostgreSQL 15's walsender, a cascading standby, walcast from each of its sources, and two bare
# floors, side by side: bulk, live commits, what a fleet costs its primary, and idle standbys. Writes
# docs/benchmarks.md with its plots, or build/quick/benchmarks.md with --quick.
#   perf/compare.sh [--quick] [--only PART,...] [--estimate] ...     --help has the others
# docs/benchmarking.md has the method. WALCAST_BIN_DIR names a build to compare; without it, the
# release preset is built first.
set -eu
. "$(dirname "$0")/prepare.sh"

prepare walcast walbench forwarder sendfile_loop
PYTHONPATH="$PWD/tests/e2e:$PWD/perf" exec python3 -B perf/compare.py "$@"

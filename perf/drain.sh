#!/bin/sh
# One load on walcast and on PostgreSQL 15's own walsender, in one run, over the same WAL: throughput,
# server CPU per GB and memory per standby, and how they compare. docs/benchmarking.md has the method.
#   perf/drain.sh [--standbys N] [--megabytes N] [--rounds N] [--tls]
# WALCAST_BIN_DIR names a build to compare; without it, the release preset is built first.
set -eu
. "$(dirname "$0")/prepare.sh"

prepare walcast walbench
PYTHONPATH="$PWD/tests/e2e:$PWD/perf" exec python3 -B perf/drain.py "$@"

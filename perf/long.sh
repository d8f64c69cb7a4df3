#!/bin/sh
# What a long record and the padding of a switch cost behind walcast and behind PostgreSQL 15's walsender, live and
# cold, and what live standbys beside them notice, in one run. docs/benchmarking.md has the method.
#   perf/long.sh [--record-megabytes 256] [--segment-megabytes 1024] [--standbys 50] [--rounds 3]
# WALCAST_BIN_DIR names the build that is measured; without it, the release preset is built first.
set -eu
. "$(dirname "$0")/prepare.sh"

prepare walcast walbench
PYTHONPATH="$PWD/tests/e2e:$PWD/perf" exec python3 -B perf/long.py "$@"

#!/bin/sh
# What a commit costs on its way to live standbys: behind PostgreSQL 15's walsenders, a bare forwarder
# and walcasts of one or more builds, in one run. docs/benchmarking.md has the method.
#   perf/live.sh [--standbys N] [--rate N] [--commits N] [--rounds N]
#     [--walcast LABEL=PATH[,OPTION=VALUE...] ...]
# WALCAST_BIN_DIR names the build whose walbench and forwarder are used, and whose walcast is measured
# if no other is named; without it, the release preset is built first.
set -eu
. "$(dirname "$0")/prepare.sh"

prepare walcast walbench forwarder
PYTHONPATH="$PWD/tests/e2e:$PWD/perf" exec python3 -B perf/live.py "$@"

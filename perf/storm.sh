#!/bin/sh
# What 10,000 standbys that all come at once over TLS cost 50 that stream, as the p99 of commits on their
# way to those, alone and beside the storm, in one run. docs/benchmarking.md has the method.
#   perf/storm.sh [--standbys 50] [--storm 10000] [--rate 200] [--rounds 3]
# WALCAST_BIN_DIR names the build that is measured; without it, the release preset is built first.
set -eu
. "$(dirname "$0")/prepare.sh"

prepare walcast walbench
PYTHONPATH="$PWD/tests/e2e:$PWD/perf" exec python3 -B perf/storm.py "$@"

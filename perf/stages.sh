#!/bin/sh
# Whether the stages of walcast's report add up to what is measured from outside, by a tap before it and
# the standbys behind it, in one run. docs/benchmarking.md has the method.
#   perf/stages.sh [--standbys N] [--rate N] [--commits N] [--attach]
# WALCAST_BIN_DIR names the build that is measured; without it, the release preset is built first.
set -eu
. "$(dirname "$0")/prepare.sh"

prepare walcast walbench
PYTHONPATH="$PWD/tests/e2e" exec python3 -B perf/stages.py "$@"

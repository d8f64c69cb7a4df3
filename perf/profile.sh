#!/bin/sh
# Where walcast's threads run and where they wait: perf records it under a load, or a walcast that
# runs already, and the stacks become flame graphs; with --against, beside those of an earlier run.
#   perf/profile.sh [--load bulk|live | --pid PID] [--standbys N] [--tls] [--out DIR] [--against DIR]
# WALCAST_BIN_DIR names a build to profile; without it, the release preset is built first. What else
# walcast is to be told, such as --copy-threshold, goes into WALCAST_OPTIONS.
set -eu
. "$(dirname "$0")/prepare.sh"

prepare walcast walbench
PYTHONPATH="$PWD/tests/e2e:$PWD/perf" exec python3 -B perf/profile.py "$@"

#!/bin/sh
# By whom the memory of walcast's heap was allocated, after a load and by it, as flame graphs.
#   perf/heap.sh [--load live|bulk] [--standbys N] [--rate N] [--seconds N] [--tls] [--out DIR]
# WALCAST_BIN_DIR names the build; without it, the release preset is built first.
set -eu
. "$(dirname "$0")/prepare.sh"

prepare walcast walbench
need_packages libjemalloc-dev  # jeprof
PYTHONPATH="$PWD/tests/e2e:$PWD/perf" exec python3 -B perf/heap.py "$@"

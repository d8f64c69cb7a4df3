#!/bin/sh
# What looking in costs 1,000 standbys: the p99 of commits on their way to them, alone and beside SQL,
# scrapes and a page, in one run, and how long a scrape takes. docs/benchmarking.md has the method.
#   perf/windows.sh [--standbys 1000] [--rate 200] [--rounds 3]
# WALCAST_BIN_DIR names the build that is measured; without it, the release preset is built first.
set -eu
. "$(dirname "$0")/prepare.sh"

prepare walcast walbench
PYTHONPATH="$PWD/tests/e2e:$PWD/perf" exec python3 -B perf/windows.py "$@"

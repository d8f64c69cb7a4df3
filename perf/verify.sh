#!/bin/sh
# How fast `walcast verify` proves WAL, beside `pg_waldump -q` on the same warm segments, by cores, and what long
# records and padding cost, in one run. docs/benchmarking.md has the method.
#   perf/verify.sh [--megabytes 1024] [--rounds 5]
# WALCAST_BIN_DIR names the build that is measured; without it, the release preset is built first.
set -eu
. "$(dirname "$0")/prepare.sh"

prepare walcast
PYTHONPATH="$PWD/tests/e2e" exec python3 -B perf/verify.py "$@"

#!/bin/sh
# The system calls of a walcast by thread, for each commit of a load, or each second of one that runs
# already.
#   perf/syscalls.sh [--load live|bulk | --pid PID] [--standbys N] [--rate N] [--seconds N] [--tls]
# WALCAST_BIN_DIR names the build; without it, the release preset is built first.
set -eu
. "$(dirname "$0")/prepare.sh"

prepare walcast walbench
PYTHONPATH="$PWD/tests/e2e:$PWD/perf" exec python3 -B perf/syscalls.py "$@"

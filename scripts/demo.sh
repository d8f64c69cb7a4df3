#!/bin/sh
# Builds walcast and shows WAL fan out to 16 light standbys, of which one is slow: synthetic WAL by
# default; with --postgres that of a PostgreSQL 15 under load, with a real standby beside the light
# ones. Ends after 20 seconds (--seconds N), or with Ctrl-C.
set -eu
cd "$(dirname "$0")/.."
. scripts/packages.sh

need_packages $build_packages $demo_packages
case " $* " in *" --postgres "*) need_packages $test_packages ;; esac

echo "Building walcast (a few minutes the first time) ..."
build release --target walcast walbench
exec python3 -B scripts/demo.py --bin "$PWD/build/release/bin" "$@"

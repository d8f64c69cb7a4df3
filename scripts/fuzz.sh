#!/bin/sh
# Builds the fuzzers of tests/fuzz with clang's libFuzzer, and runs one after the other.
#   scripts/fuzz.sh                      all of them, 60 seconds each
#   scripts/fuzz.sh 600 command records  these two, ten minutes each
# What they learn stays in build/fuzz/corpus, and what they find in build/fuzz/findings. Fails if
# anything was found.
set -eu
cd "$(dirname "$0")/.."
. scripts/packages.sh

seconds="${1:-60}"
[ $# -eq 0 ] || shift
case "$seconds" in
  *[!0-9]* | "")
    echo "usage: scripts/fuzz.sh [seconds-per-fuzzer] [name...]" >&2
    exit 2
    ;;
esac
names="${*:-$(ls tests/fuzz/corpus)}"

need_packages $build_packages $fuzz_packages
echo "Building the fuzzers (some minutes the first time) ..."
build fuzz

# fuzz NAME. The inputs of the tree are added to what earlier runs have learnt.
fuzz() {
  corpus="build/fuzz/corpus/$1"
  log="build/fuzz/$1.log"
  mkdir -p "$corpus" build/fuzz/findings
  cp tests/fuzz/corpus/"$1"/* "$corpus"
  status=0
  build/fuzz/fuzz/"$1"_fuzzer -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 \
    -print_final_stats=1 -artifact_prefix="build/fuzz/findings/$1-" "$corpus" >"$log" 2>&1 ||
    status=$?
  executions="$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")"
  if [ "$status" -eq 0 ]; then
    echo "$1: $executions executions, nothing found"
  else
    echo "$1: ${executions:-0} executions, FOUND (all of it is in $log):"
    grep -E '^walcast: bug|runtime error:|ERROR: |SUMMARY: |Test unit written' "$log" ||
      tail -n 20 "$log"
  fi
  return "$status"
}

found=0
for name in $names; do
  [ -d tests/fuzz/corpus/"$name" ] || {
    echo "There is no fuzzer \"$name\"." >&2
    exit 2
  }
  fuzz "$name" || found=$((found + 1))
done
echo "Fuzzers that found something: $found"
[ "$found" -eq 0 ]

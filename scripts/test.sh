#!/bin/sh
# Builds walcast and runs all its tests: everything in the release build, and the unit and stress
# tests under AddressSanitizer with UBSan and under ThreadSanitizer.
#   scripts/test.sh                     all of it
#   scripts/test.sh release|asan|tsan   one of the three
#   scripts/test.sh threadsafety        clang's thread-safety analysis, which runs nothing
set -eu
cd "$(dirname "$0")/.."
. scripts/packages.sh

need_packages $build_packages $demo_packages $test_packages $client_packages $window_packages

# The closing line of ctest comes last: the release build has the most tests. What fails in one
# preset does not keep the others from being tested.
failed=
for preset in ${*:-tsan asan release}; do
  echo "== $preset: build"
  if [ "$preset" = threadsafety ]; then
    need_packages $analysis_packages
    build "$preset" --target walcast walbench
    echo "== $preset: clang finds nothing"
    continue
  fi
  build "$preset"
  echo "== $preset: test"
  # More than there are processors: many of the tests wait for a server most of their time, and those
  # of the release build most of all.
  beside=1
  [ "$preset" != release ] || beside=2
  ctest --preset "$preset" -j "$(($(nproc) + beside))" --output-log "build/$preset.tests.log" ||
    failed="$failed $preset"
done
[ -n "$failed" ] || exit 0
# Again and last, since whoever looks at a long log looks at its end: what failed, and what it said.
for preset in $failed; do
  echo "== $preset: failed"
  grep -vE '^ *Start +[0-9]+:| (Passed|\*\*\*Skipped) +[0-9.]+ sec$' "build/$preset.tests.log" |
    awk 'function tell() {
           for (i = lines > 40 ? lines - 40 : 0; i < lines; ++i) print line[i]
           lines = 0
         }
         /^ *[0-9]+\/[0-9]+ Test +#/ { tell(); print; next }
         { line[lines++] = $0 }
         END { tell() }' | sed 's/\.\.\.\.*/.../'
done
echo "tests failed in:$failed" >&2
exit 1

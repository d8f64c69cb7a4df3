#!/bin/sh
# Builds the Debian packages of what is committed, and has lintian look at them:
#   packaging/build-deb.sh [DIRECTORY]
# They are left in DIRECTORY, build/deb if none is given. A commit that is no release, which a tag
# v0.1.0 would make it, is named in the version: 0.1.0+git0911c78. The same commit makes the same
# packages.
set -eu

cd "$(dirname "$0")/.."
. scripts/packages.sh
output="${1:-build/deb}"
need_packages $build_packages $package_packages

mkdir -p "$output"
output="$(cd "$output" && pwd)"
commit="$(git rev-parse --short=7 HEAD)"
# Dates in packages are those of the commit.
SOURCE_DATE_EPOCH="$(git log -1 --format=%ct)"
export SOURCE_DATE_EPOCH

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
mkdir "$work/walcast"
git archive HEAD | tar -x -C "$work/walcast"
cd "$work/walcast"
version="$(dpkg-parsechangelog -S Version)"
if ! git -C "$OLDPWD" describe --exact-match --tags --match "v$version" >/dev/null 2>&1; then
  sed -i "1s/($version)/($version+git$commit)/" debian/changelog
fi
dpkg-buildpackage --build=binary --no-sign --jobs="${JOBS:-$(nproc)}" || exit
lintian --fail-on error,warning --info ../*.changes
cp ../*.deb ../*.changes ../*.buildinfo "$output"
echo "Built in $output:"
(cd "$output" && ls ./*"$commit"*.deb 2>/dev/null || ls ./*.deb)

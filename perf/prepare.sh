# What the measurements beside it begin with. Sourced.

# prepare TARGET...: goes to the project's root, installs what a measurement needs, and exports
# WALCAST_BIN_DIR: the build that the caller names, or else the release preset, whose TARGETs it builds.
prepare() {
  [ -z "${WALCAST_BIN_DIR:-}" ] || WALCAST_BIN_DIR="$(realpath "$WALCAST_BIN_DIR")"
  cd "$(dirname "$0")/.."
  . scripts/packages.sh
  need_packages $demo_packages $test_packages
  if [ -z "${WALCAST_BIN_DIR:-}" ]; then
    need_packages $build_packages
    echo "Building walcast (a few minutes the first time) ..."
    build release --target "$@"
    WALCAST_BIN_DIR="$PWD/build/release/bin"
  fi
  export WALCAST_BIN_DIR
}

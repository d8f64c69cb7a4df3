# What the scripts beside it share. Sourced, from the project's root.

# What builds walcast.
build_packages="g++ cmake ninja-build ccache pkg-config libconcurrentqueue-dev
  libreaderwriterqueue-dev libjemalloc-dev libcli11-dev libfmt-dev libgtest-dev
  libgmock-dev libbenchmark-dev libpq-dev libssl-dev libicu-dev libre2-dev libtbb-dev
  libisal-dev liburing-dev libcpp-httplib-dev libsqlite3-dev prometheus-cpp-dev
  nlohmann-json3-dev libtomlplusplus-dev systemtap-sdt-dev
  valgrind"
demo_packages="python3"
# PostgreSQL 15, the peer that it is tested against, its certificates, what runs it as another user,
# what counts its system calls and samples its stacks, and what makes hosts of network namespaces.
test_packages="postgresql-15 openssl util-linux strace linux-perf iproute2 nftables systemd curl"
# Clients that people have, besides PostgreSQL's own.
client_packages="python3-psycopg2 python3-psycopg haproxy"
# What looks at the page, and at metrics and alerts.
window_packages="chromium chromium-driver python3-selenium prometheus"
# The compiler whose analysis knows which thread may touch what.
analysis_packages="clang"
# What makes Debian packages of it, looks at them, and tries them in a clean Debian.
package_packages="dpkg-dev debhelper lintian fakeroot git"
# Only g++ builds walcast; only clang has libFuzzer.
fuzz_packages="clang libclang-rt-14-dev"

# Installs the Debian packages named, if they are missing: as root, or by sudo.
need_packages() {
  missing=""
  for package in "$@"; do
    dpkg-query -W -f='${Status}\n' "$package" 2>/dev/null | grep -q '^install ok installed$' ||
      missing="$missing $package"
  done
  [ -n "$missing" ] || return 0
  echo "Installing:$missing"
  as_root=""
  if [ "$(id -u)" -ne 0 ]; then
    as_root="sudo"
    command -v sudo >/dev/null || {
      echo "Cannot install them: this is neither root nor a user with sudo." >&2
      return 1
    }
  fi
  $as_root env DEBIAN_FRONTEND=noninteractive sh -ec '
    apt-get update -qq
    # Debian would start a PostgreSQL of its own; the tests start theirs.
    if [ ! -e /etc/postgresql-common/createcluster.conf ]; then
      mkdir -p /etc/postgresql-common
      echo "create_main_cluster = false" > /etc/postgresql-common/createcluster.conf
    fi
    apt-get install -y -qq --no-install-recommends "$@" >/dev/null
  ' sh $missing
}

# build PRESET [cmake --build's options]. What the tools say is shown only if they fail.
build() {
  preset="$1"
  shift
  mkdir -p build
  log="build/$preset.log"
  # So that another clone, or another folder, finds in the cache what this one has compiled.
  export CCACHE_BASEDIR="$PWD" CCACHE_NOHASHDIR=1
  cmake --preset "$preset" >"$log" 2>&1 && cmake --build --preset "$preset" "$@" >>"$log" 2>&1 || {
    cat "$log"
    return 1
  }
}

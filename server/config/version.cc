#include "server/config/version.h"

#include "runtime/format.h"

namespace server::config {

namespace {

constexpr bool kHasProbes =
#if __has_include(<sys/sdt.h>) && !defined(WALCAST_UNTIMED)
    true;
#else
    false;
#endif

}  // namespace

std::string version_text() {
  return runtime::format("walcast " WALCAST_VERSION
                         "\n"
                         "commit: {}\n"
                         "features: " WALCAST_FEATURES
                         " {}probes\n"
                         "compiler: " WALCAST_COMPILER "\n",
                         commit(), kHasProbes ? '+' : '-');
}

}  // namespace server::config

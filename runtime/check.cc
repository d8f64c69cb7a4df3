#include "runtime/check.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "runtime/line_writer.h"
#include "runtime/log.h"

namespace runtime {

// What the log has said before comes first, if its reader reads.
void check_failed(const char* file, int line, const char* what) {
  constexpr Duration kWait = std::chrono::seconds(1);
  log::drain(kWait);
  std::array<char, 1024> text;
  const int size =
      std::snprintf(text.data(), text.size(), "walcast: bug: %s:%d: %s\n", file, line, what);
  const auto length =
      std::min<std::size_t>(size < 0 ? 0 : static_cast<std::size_t>(size), text.size() - 1);
  write_within(STDERR_FILENO, std::string_view(text.data(), length), kWait);
  std::abort();
}

}  // namespace runtime

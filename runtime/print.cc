#include "runtime/print.h"

#include <cerrno>

#include "runtime/errors.h"

namespace runtime {

Result<void> print(std::FILE* out, std::string_view text) {
  const bool failed_before = std::ferror(out) != 0;
  errno = 0;
  std::fwrite(text.data(), 1, text.size(), out);
  if (!failed_before && std::fflush(out) == 0 && std::ferror(out) == 0) return {};
  return system_error(errno != 0 ? errno : EIO, "could not write the output");
}

}  // namespace runtime

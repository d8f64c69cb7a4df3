#include "runtime/descriptors.h"

#include <sys/resource.h>

#include <algorithm>
#include <filesystem>
#include <iterator>

#include "runtime/errors.h"
#include "runtime/format.h"

namespace runtime {

namespace {

constexpr std::int64_t kFreeMin = 16;
constexpr std::int64_t kRefusedMax = 64;  // at a time

}  // namespace

std::int64_t raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return std::numeric_limits<std::int64_t>::max();
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  ::getrlimit(RLIMIT_NOFILE, &limit);
  constexpr auto kMost = static_cast<rlim_t>(std::numeric_limits<std::int64_t>::max());
  return static_cast<std::int64_t>(std::min(limit.rlim_cur, kMost));
}

std::int64_t count_open_descriptors() {
  std::error_code error;
  const std::filesystem::directory_iterator begin("/proc/self/fd", error);
  // The one that it was read by is among them.
  return error ? 0 : std::distance(begin, std::filesystem::directory_iterator()) - 1;
}

Result<ConnectionLimits> share_out_descriptors(std::int64_t limit, std::int64_t open,
                                               std::int64_t files_max) {
  const std::int64_t free = limit - open;
  if (free < kFreeMin) {
    return Error{
        .kind = &kNoResources,
        .what = "insufficient file descriptors available to start server process",
        .detail = format("System allows {}, server needs at least {}.", limit, open + kFreeMin)};
  }
  const std::int64_t connections = free - std::min(files_max, free / 2);
  const std::int64_t refused = std::clamp<std::int64_t>(connections / 8, 1, kRefusedMax);
  return ConnectionLimits{.admitted_max = connections - refused, .open_max = connections};
}

}  // namespace runtime

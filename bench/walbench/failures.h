#pragma once

// Why a standby failed. Of such an Error, `what` is the reason by which failures are counted, and
// `detail` what was particular to this one.

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <system_error>

#include "runtime/format.h"
#include "runtime/result.h"

namespace bench::walbench {

inline constexpr runtime::ErrorKind kConnectFailed{"connect_failed", "08001"};
inline constexpr runtime::ErrorKind kConnectionLost{"connection_lost", "08006"};
inline constexpr runtime::ErrorKind kTimeout{"timeout", "08006"};
inline constexpr runtime::ErrorKind kServerError{"server_error", "XX000"};
inline constexpr runtime::ErrorKind kServerProtocol{"server_protocol_violation", "08P01"};
inline constexpr runtime::ErrorKind kAuthentication{"authentication_not_supported", "0A000"};
inline constexpr runtime::ErrorKind kGap{"gap", "XX001"};
inline constexpr runtime::ErrorKind kMismatch{"mismatch", "XX001"};
inline constexpr runtime::ErrorKind kNothingToCompare{"nothing_to_compare", "58P01"};
inline constexpr runtime::ErrorKind kStopped{"stopped", "57014"};

inline runtime::Error connection_lost(const char* what, int sys_errno) {
  return {.kind = &kConnectionLost,
          .what = runtime::format("{}: {}", what, std::generic_category().message(sys_errno)),
          .sys_errno = sys_errno};
}

// Failures by reason. Limits: kReasonsMax reasons; further ones are counted together.
class FailureCounts {
 public:
  static constexpr std::size_t kReasonsMax = 32;
  static constexpr const char* kOther = "other";

  void add(const std::string& reason, std::uint64_t count = 1) {
    const bool room = counts_.size() < kReasonsMax || counts_.contains(reason);
    counts_[room ? reason : kOther] += count;
  }
  void add(const FailureCounts& other) {
    for (const auto& [reason, count] : other.counts_) add(reason, count);
  }
  const std::map<std::string, std::uint64_t>& by_reason() const { return counts_; }
  std::uint64_t total() const {
    std::uint64_t sum = 0;
    for (const auto& [reason, count] : counts_) sum += count;
    return sum;
  }

 private:
  std::map<std::string, std::uint64_t> counts_;
};

}  // namespace bench::walbench

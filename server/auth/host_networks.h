#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "runtime/annotations.h"
#include "runtime/clock.h"
#include "runtime/mutex.h"
#include "runtime/result.h"
#include "server/auth/network.h"

namespace server::auth {

using Networks = std::vector<AddressRange>;

// This host's own networks, for the rules that have samehost or samenet. The kernel is asked anew
// when a connection comes to such a rule (hba.c, check_same_host_or_net), but pauses are kept: a
// host with thousands of interfaces takes milliseconds to tell them, and any stranger may connect.
//   Owner: AccessPolicy.  Thread: any. now() may block for a moment on the kernel.
//   Borrows: the clock.
//   Invariant: one thread asks the kernel at a time; meanwhile others have what it said last.
//   Limits: the pause behind a question is kPauseShare times as long as the question took.
class HostNetworks {
 public:
  using Reader = std::function<runtime::Result<Networks>()>;
  static constexpr int kPauseShare = 100;

  explicit HostNetworks(const runtime::Clock& clock, Reader read = own_networks)
      : clock_(clock), read_(std::move(read)) {}

  // Asks the kernel. After an error the networks are those that were known before.
  runtime::Result<void> read() EXCLUDES(mutex_);
  // The networks as they are, or as the last question found them if its pause is not over. The
  // first of several errors in a row is logged.
  std::shared_ptr<const Networks> now() EXCLUDES(mutex_);

 private:
  const runtime::Clock& clock_;
  const Reader read_;
  runtime::Mutex mutex_;
  std::shared_ptr<const Networks> known_ GUARDED_BY(mutex_) = std::make_shared<const Networks>();
  runtime::Instant pause_ends_ GUARDED_BY(mutex_){};
  bool is_reading_ GUARDED_BY(mutex_) = false;
  bool has_failed_ GUARDED_BY(mutex_) = false;  // the last question
};

}  // namespace server::auth

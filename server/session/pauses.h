#pragma once

#include <cstddef>
#include <functional>
#include <set>
#include <string>
#include <string_view>

#include "runtime/annotations.h"
#include "runtime/mutex.h"
#include "runtime/result.h"

namespace server::session {

// The names of standbys whose WAL waits because an admin has said so (walcast_pause). A standby
// that comes back is still paused: its name is. Names mean standbys as those of upstream_ack do:
// without regard to case, and `*` all of them.
//   Owner: Server.  Thread: any; a session takes the lock when a stream begins.
//   Limits: kNamesMax names.
class Pauses {
 public:
  static constexpr std::size_t kNamesMax = 10'000;

  // kConfigurationLimitExceeded: there are so many already.
  runtime::Result<void> add(std::string_view name) EXCLUDES(mutex_);
  // Nothing, if the name is not paused; `*` is that of all names.
  void remove(std::string_view name) EXCLUDES(mutex_);
  bool contains(std::string_view application_name) const EXCLUDES(mutex_);

 private:
  mutable runtime::Mutex mutex_;
  std::set<std::string, std::less<>> names_ GUARDED_BY(mutex_);  // in lower case
};

}  // namespace server::session

#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "runtime/annotations.h"
#include "runtime/clock.h"
#include "runtime/mutex.h"

namespace server::source {

// The oldest transactions whose row versions are still needed: ids with their epochs in the upper
// half, as FullTransactionId has them, so that they compare as numbers; 0 is none.
struct Xmin {
  std::uint64_t data = 0;
  std::uint64_t catalog = 0;

  friend bool operator==(const Xmin&, const Xmin&) = default;
};

// What standbys say in hot standby feedback, and the oldest of it, which the primary must be told
// (walsender.c, ProcessStandbyHSFeedbackMessage; procarray.c, ComputeXidHorizons).
//   Owner: Server.  Thread: any. Standbys report seldom, so a mutex is enough.
class XminHorizon {
 public:
  // A standby that has reported the same xmin for so long holds the primary back no longer
  // (max_feedback_age); zero: there is no such limit. `changed` is called when the horizon may have
  // moved, by the thread that reports; it should but wake somebody.
  void set_listener(std::function<void()> changed, runtime::Duration age_max) EXCLUDES(mutex_);

  // Replaces what the standby of this session has said.
  void report(std::uint32_t process_id, Xmin xmin, runtime::Instant now) EXCLUDES(mutex_);
  // It has gone, and needs nothing any more.
  void remove(std::uint32_t process_id) EXCLUDES(mutex_);

  // The oldest of all. Who is dropped by his age is logged once.
  Xmin oldest(runtime::Instant now) EXCLUDES(mutex_);

 private:
  struct Standby {
    Xmin xmin;
    runtime::Instant since{};  // when it reported this xmin first
    bool dropped = false;
  };

  mutable runtime::Mutex mutex_;
  std::map<std::uint32_t, Standby> standbys_ GUARDED_BY(mutex_);  // by process id
  std::function<void()> changed_ GUARDED_BY(mutex_);
  runtime::Duration age_max_ GUARDED_BY(mutex_){};
};

}  // namespace server::source

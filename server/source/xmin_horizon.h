#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <variant>

#include "runtime/annotations.h"
#include "runtime/clock.h"
#include "runtime/mutex.h"
#include "server/wal/xmin.h"

namespace server::source {

using wal::Xmin;

// What standbys say in hot standby feedback, and the oldest of it, which the primary must be told
// (walsender.c, ProcessStandbyHSFeedbackMessage; procarray.c, ComputeXidHorizons). Who has a slot
// says it by that, and it stays there.
//   Owner: Server.  Thread: any. Standbys report seldom, so a mutex is enough.
class XminHorizon {
 public:
  // A standby, or a slot, that has reported the same xmin for so long holds the primary back no
  // longer (max_feedback_age); zero: there is no such limit. `changed` is called when the horizon
  // may have moved, by the thread that reports; it should but wake somebody.
  void set_listener(std::function<void()> changed, runtime::Duration age_max) EXCLUDES(mutex_);

  // Replaces what the standby of this session has said.
  void report(std::uint32_t process_id, Xmin xmin, runtime::Instant now) EXCLUDES(mutex_);
  // It has gone, and needs nothing any more.
  void remove(std::uint32_t process_id) EXCLUDES(mutex_);
  // What a slot keeps; none: nothing, or no longer.
  void report_slot(std::string_view slot, Xmin xmin, runtime::Instant now) EXCLUDES(mutex_);

  // The oldest of all. What is left out for its age is logged once.
  Xmin oldest(runtime::Instant now) EXCLUDES(mutex_);

 private:
  struct Holder {
    Xmin xmin;
    runtime::Instant since{};  // when it reported this xmin first
    bool dropped = false;
  };

  // The process id of a session, or the name of a slot.
  using Who = std::variant<std::uint32_t, std::string>;

  void report(const Who& who, Xmin xmin, runtime::Instant now) EXCLUDES(mutex_);
  void remove(const Who& who) EXCLUDES(mutex_);

  mutable runtime::Mutex mutex_;
  std::map<Who, Holder> holders_ GUARDED_BY(mutex_);
  std::function<void()> changed_ GUARDED_BY(mutex_);
  runtime::Duration age_max_ GUARDED_BY(mutex_){};
};

}  // namespace server::source

#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "runtime/annotations.h"
#include "runtime/clock.h"
#include "runtime/mutex.h"
#include "server/wal/xmin.h"

namespace server::source {

using wal::TransactionId;
using wal::Xmin;

// What standbys say in hot standby feedback, and the oldest of it, which the primary must be told
// (walsender.c, ProcessStandbyHSFeedbackMessage; procarray.c, ComputeXidHorizons). Who has a slot
// says it by that, and it stays there.
//   Owner: Server.  Thread: any. Standbys report seldom, so a mutex is enough.
class XminHorizon {
 public:
  // A standby, or a slot, holds the primary back no longer when it has stayed behind for so long
  // (max_feedback_age); zero: there is no such limit. It is behind while a transaction has begun
  // since the one that it reports: somebody else has reported that, or it is in the WAL. On an idle
  // primary nobody is, however long ago he has reported. `changed` is called when the horizon may
  // have moved, by the thread that reports; it should but wake somebody.
  void set_listener(std::function<void()> changed, runtime::Duration age_max) EXCLUDES(mutex_);

  // Replaces what the standby of this session has said. The log calls it by its name, too.
  void report(std::uint32_t process_id, std::string_view name, Xmin xmin) EXCLUDES(mutex_);
  // It has gone, and needs nothing any more.
  void remove(std::uint32_t process_id) EXCLUDES(mutex_);
  // What a slot keeps; none: nothing, or no longer.
  void report_slot(std::string_view slot, Xmin xmin) EXCLUDES(mutex_);

  // The oldest of all. `newest` is the transaction that has begun last, as far as the WAL tells;
  // it may be invalid. What is left out for its age is logged once.
  Xmin oldest(runtime::Instant now, TransactionId newest) EXCLUDES(mutex_);

 private:
  struct Holder {
    Xmin xmin;
    std::string name;                                   // of a standby
    std::optional<runtime::Instant> behind_since = {};  // with this xmin
    bool dropped = false;
  };

  // The process id of a session, or the name of a slot.
  using Who = std::variant<std::uint32_t, std::string>;

  void report(const Who& who, std::string_view name, Xmin xmin) EXCLUDES(mutex_);
  void remove(const Who& who) EXCLUDES(mutex_);
  void note_who_is_behind(runtime::Instant now, TransactionId newest) REQUIRES(mutex_);

  mutable runtime::Mutex mutex_;
  std::map<Who, Holder> holders_ GUARDED_BY(mutex_);
  std::function<void()> changed_ GUARDED_BY(mutex_);
  runtime::Duration age_max_ GUARDED_BY(mutex_){};
};

}  // namespace server::source

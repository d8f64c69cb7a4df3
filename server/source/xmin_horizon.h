#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "runtime/annotations.h"
#include "runtime/clock.h"
#include "runtime/mutex.h"
#include "runtime/published.h"
#include "server/wal/xmin.h"

namespace server::source {

using wal::TransactionId;
using wal::Xmin;

// What standbys say in hot standby feedback, and the oldest of it, which the primary must be told
// (walsender.c, ProcessStandbyHSFeedbackMessage; procarray.c, ComputeXidHorizons). A standby that
// has a slot says it by that, and it stays there.
//   Owner: Server.  Thread: any. Standbys report seldom, so a mutex is enough.
//   Invariant: kept_data_ and kept_catalog_ are the ids of the holders_ that are not dropped, so
//   that the oldest is at hand; version() has moved whenever it is another one.
class XminHorizon {
 public:
  // A standby, or a slot, holds the primary back no longer when it has stayed behind for so long
  // (max_feedback_age); zero: there is no such limit. It is behind while a transaction has begun
  // since the one that it reports: another standby has reported that, or it is in the WAL. On an
  // idle primary none is, however long ago it has reported. `changed` is called when the oldest is
  // another one, by the thread that reports; it should but wake another.
  void set_listener(std::function<void()> changed, runtime::Duration age_max) EXCLUDES(mutex_);

  // Replaces what the standby of this session has said. The log calls it by its name, too.
  void report(std::uint32_t process_id, std::string_view name, Xmin xmin) EXCLUDES(mutex_);
  // It has gone, and needs nothing any more.
  void remove(std::uint32_t process_id) EXCLUDES(mutex_);
  // What a slot keeps; none: nothing, or no longer.
  void report_slot(std::string_view slot, Xmin xmin) EXCLUDES(mutex_);

  // Another number for every change of oldest() that a report makes. Takes no lock.
  std::uint64_t version() const { return version_.load(); }
  // The oldest of all. `newest` is the transaction that has begun last, as far as the WAL tells;
  // it may be invalid. What is left out for its age is logged once. With a limit for the age it
  // looks at every holder, so it is not for every turn.
  Xmin oldest(runtime::Instant now, TransactionId newest) EXCLUDES(mutex_);

 private:
  struct Holder {
    Xmin xmin;
    std::string name;                                   // of a standby
    std::optional<runtime::Instant> behind_since = {};  // with this xmin
    bool dropped = false;
  };

  // The process id of a session, or the name of a slot.
  using HolderId = std::variant<std::uint32_t, std::string>;

  void report(const HolderId& id, std::string_view name, Xmin xmin) EXCLUDES(mutex_);
  void remove(const HolderId& id) EXCLUDES(mutex_);
  void keep(const Xmin& xmin) REQUIRES(mutex_);
  void let_go(const Holder& holder) REQUIRES(mutex_);
  Xmin oldest_kept() const REQUIRES(mutex_);
  // Returns the listener if the oldest is not `before` any more.
  std::function<void()> listener_if_changed(const Xmin& before) REQUIRES(mutex_);
  void note_holders_behind(runtime::Instant now, TransactionId newest) REQUIRES(mutex_);
  std::vector<std::string> drop_old_holders(runtime::Instant now) REQUIRES(mutex_);

  mutable runtime::Mutex mutex_;
  std::map<HolderId, Holder> holders_ GUARDED_BY(mutex_);
  std::multiset<std::uint64_t> kept_data_ GUARDED_BY(mutex_);
  std::multiset<std::uint64_t> kept_catalog_ GUARDED_BY(mutex_);
  runtime::Published<std::uint64_t> version_;  // stored with the mutex held
  std::function<void()> changed_ GUARDED_BY(mutex_);
  runtime::Duration age_max_ GUARDED_BY(mutex_){};
};

}  // namespace server::source

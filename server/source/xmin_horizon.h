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
#include "server/wal/next_xid.h"
#include "server/wal/xmin.h"

namespace server::source {

using wal::TransactionId;
using wal::Xmin;

// What standbys report as hot standby feedback, and the oldest of it, which the primary must hear
// (walsender.c, ProcessStandbyHSFeedbackMessage; procarray.c, ComputeXidHorizons). The feedback of
// a standby that has a slot is the slot's, and stays when the standby has gone.
//   Owner: Server.  Thread: any. Standbys report seldom, so a mutex is enough.
//   Invariant: kept_data_ and kept_catalog_ are the ids of the holders_ that are not dropped, so
//   that the oldest is at hand; version() has moved whenever it is another one. oldest() returns
//   nothing that the primary would not take, as far as WAL shows: a message that has one wrong id
//   is ignored as a whole (walsender.c, TransactionIdInRecentPast), and with it what all others
//   need.
class XminHorizon {
 public:
  // `changed` is called by the thread that reports, whenever a report has changed the oldest. It is
  // to do no more than wake another thread.
  // A standby, or a slot, that has stayed behind for longer than `age_max` (max_feedback_age) holds
  // the primary back no longer; zero: there is no such limit. It is behind while a transaction has
  // begun after the one that it reports, as another standby's report or the WAL shows. On an idle
  // primary none is behind, however old its report is.
  void set_listener(std::function<void()> changed, runtime::Duration age_max) EXCLUDES(mutex_);

  // Replaces the last report of this session's standby. The log names the standby, too.
  void report(std::uint32_t process_id, std::string_view name, Xmin xmin) EXCLUDES(mutex_);
  // The standby has gone, and needs nothing any more.
  void remove(std::uint32_t process_id) EXCLUDES(mutex_);
  // What a slot keeps; none: nothing, or no longer.
  void report_slot(std::string_view slot, Xmin xmin) EXCLUDES(mutex_);

  // Another number for every change of oldest() that a report makes. Takes no lock.
  std::uint64_t version() const { return version_.load(); }
  // The oldest of all. `next` is the next transaction id, as far as the WAL shows. A holder that is
  // left out, for its age or for an id that cannot be, is logged once. With a limit for the age
  // every holder is looked at, so this is not for every turn.
  Xmin oldest(runtime::Instant now, const wal::NextXid& next) EXCLUDES(mutex_);

  // The next transaction id, for messages that tell how old an xmin is: the primary's WAL has shown
  // it to the receiver, whose thread calls this in every turn. Invalid: not known, or there is no
  // primary that hears of the oldest.
  void show_next(const wal::NextXid& next) {
    if (next_id_.load() != next.id) next_id_.store(next.id);
  }
  TransactionId next_id() const { return next_id_.load(); }

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
  void note_holders_behind(runtime::Instant now, const wal::NextXid& next) REQUIRES(mutex_);
  std::vector<std::string> drop_old_holders(runtime::Instant now) REQUIRES(mutex_);
  std::vector<std::string> drop_wrong_holders(const wal::NextXid& next) REQUIRES(mutex_);

  mutable runtime::Mutex mutex_;
  std::map<HolderId, Holder> holders_ GUARDED_BY(mutex_);
  std::multiset<std::uint64_t> kept_data_ GUARDED_BY(mutex_);
  std::multiset<std::uint64_t> kept_catalog_ GUARDED_BY(mutex_);
  runtime::Published<std::uint64_t> version_;  // stored with the mutex held
  runtime::Published<TransactionId> next_id_;
  std::function<void()> changed_ GUARDED_BY(mutex_);
  runtime::Duration age_max_ GUARDED_BY(mutex_){};
};

}  // namespace server::source

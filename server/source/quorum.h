#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/annotations.h"
#include "runtime/mutex.h"
#include "runtime/published.h"
#include "server/source/ack_policy.h"
#include "server/wal/standby_positions.h"

namespace server::source {

// What standbys have written, flushed and applied, and how much of it the policy confirms
// (syncrep.c, SyncRepGetSyncRecPtr).
//   Owner: Server.  Thread: any. Only standbys that count report, so a mutex is enough for them;
//   confirmed() takes none, and may give positions of two reports that come meanwhile.
//   Invariant: each of the confirmed positions is what the policy says of the standbys_. Each group
//   has the positions of all standbys that belong to it, in order, so that a report costs the
//   logarithm of their number.
class Quorum {
 public:
  using Positions = wal::StandbyPositions;

  explicit Quorum(AckPolicy policy = {});

  const AckPolicy& policy() const { return policy_; }
  // Called by the thread that reports, whenever a report has changed what is confirmed. It is to do
  // no more than wake another thread.
  void set_listener(std::function<void()> changed) EXCLUDES(mutex_);

  // Replaces the last report of a session's standby. REQUIRES: its name counts.
  void report(std::uint32_t process_id, std::string_view name, const Positions& positions)
      EXCLUDES(mutex_);
  void remove(std::uint32_t process_id) EXCLUDES(mutex_);

  // What the policy confirms of the standbys that are connected; invalid positions where too few
  // are.
  Positions confirmed() const {
    return {.write = write_.load(), .flush = flush_.load(), .apply = apply_.load()};
  }

 private:
  struct Standby {
    std::string name;
    Positions positions;
  };
  using Ordered = std::multiset<wal::Lsn, std::greater<>>;
  // The standbys of one name of "all"; those of one name of "first" that no name before it means;
  // or those of any name of "any".
  struct Group {
    std::string name;
    Ordered write;
    Ordered flush;
    Ordered apply;
  };

  // Calls `visit` with each group that the standby belongs to.
  template <typename Visit>
  void visit_groups(const Standby& standby, Visit visit) REQUIRES(mutex_);
  void put_in(const Standby& standby) REQUIRES(mutex_);
  void take_out(const Standby& standby) REQUIRES(mutex_);
  wal::Lsn confirmed(Ordered Group::*positions) const REQUIRES(mutex_);
  wal::Lsn confirmed_by_first(Ordered Group::*positions) const REQUIRES(mutex_);
  // Returns whether anything has changed.
  bool publish() REQUIRES(mutex_);

  const AckPolicy policy_;
  mutable runtime::Mutex mutex_;
  std::map<std::uint32_t, Standby> standbys_ GUARDED_BY(mutex_);  // by process id
  std::vector<Group> groups_ GUARDED_BY(mutex_);
  std::function<void()> changed_ GUARDED_BY(mutex_);
  // Stored with the mutex held.
  runtime::Published<wal::Lsn> write_;
  runtime::Published<wal::Lsn> flush_;
  runtime::Published<wal::Lsn> apply_;
};

}  // namespace server::source

#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/annotations.h"
#include "runtime/mutex.h"
#include "runtime/published.h"
#include "server/wal/standby_positions.h"

namespace server::source {

// Which standbys' reports count for what the primary hears of our WAL (upstream_ack). What the
// spool itself has counts in any case: nothing is confirmed as flushed that is not on its disk.
struct AckPolicy {
  enum class Kind {
    kSpool,  // none counts
    kAny,    // the named standbys' do: what `count` of them have, the fastest ones
    kAll,    // the named standbys' do: what at least one of each name has
  };

  Kind kind = Kind::kSpool;
  std::size_t count = 0;
  std::vector<std::string> names;  // application names, without regard to case; "*" is any

  bool counts(std::string_view application_name) const;

  friend bool operator==(const AckPolicy&, const AckPolicy&) = default;
};

// "spool", "any 2 (a, b, c)", "all (a, b)", as synchronous_standby_names writes it.
std::optional<AckPolicy> parse_ack_policy(std::string_view text);
std::string show_ack_policy(const AckPolicy& policy);

// What standbys have written, flushed and applied, and how much of it the policy confirms
// (syncrep.c, SyncRepGetSyncRecPtr).
//   Owner: Server.  Thread: any. Only standbys that count report, so a mutex is enough for them;
//   confirmed() takes none, and may give positions of two reports that come meanwhile.
//   Invariant: each of the confirmed positions is what the policy says of the standbys_. Each group
//   has the positions of all standbys whose names match its own, in order, so that a report costs
//   the logarithm of their number.
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
  // The standbys of one name of "all", or of any name of "any".
  struct Group {
    std::string name;
    Ordered write;
    Ordered flush;
    Ordered apply;
  };

  bool belongs(const Group& group, const Standby& standby) const;
  void put_in(const Standby& standby) REQUIRES(mutex_);
  void take_out(const Standby& standby) REQUIRES(mutex_);
  // The least of what the groups confirm. A group confirms what its count-th standby has.
  wal::Lsn confirmed(Ordered Group::*positions) const REQUIRES(mutex_);
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

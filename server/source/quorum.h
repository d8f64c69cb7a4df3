#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/annotations.h"
#include "runtime/mutex.h"
#include "server/wal/standby_positions.h"

namespace server::source {

// Whose word counts for what the primary is told of our WAL (upstream_ack). The spool's own does in
// any case: nothing is confirmed that is not on its disk.
struct AckPolicy {
  enum class Kind {
    kSpool,  // nobody else's
    kAny,    // that of `count` of the named standbys, the fastest of them
    kAll,    // that of a standby of each name
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
//   Owner: Server.  Thread: any. Only standbys that count report, so a mutex is enough.
class Quorum {
 public:
  using Positions = wal::StandbyPositions;

  explicit Quorum(AckPolicy policy = {}) : policy_(std::move(policy)) {}

  const AckPolicy& policy() const { return policy_; }
  // Called when more may be confirmed, by the thread that reports; it should but wake somebody.
  void set_listener(std::function<void()> changed) EXCLUDES(mutex_);

  // Replaces what a session's standby has said. REQUIRES: its name counts.
  void report(std::uint32_t process_id, std::string_view name, const Positions& positions)
      EXCLUDES(mutex_);
  void remove(std::uint32_t process_id) EXCLUDES(mutex_);

  // Of those that are connected; invalid positions where too few are.
  Positions confirmed() const EXCLUDES(mutex_);

 private:
  struct Standby {
    std::string name;
    Positions positions;
  };

  wal::Lsn confirmed(wal::Lsn Positions::*position) const REQUIRES(mutex_);

  const AckPolicy policy_;
  mutable runtime::Mutex mutex_;
  std::map<std::uint32_t, Standby> standbys_ GUARDED_BY(mutex_);  // by process id
  std::function<void()> changed_ GUARDED_BY(mutex_);
};

}  // namespace server::source

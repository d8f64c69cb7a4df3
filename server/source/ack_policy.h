#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/result.h"

namespace server::source {

// Which standbys' reports count for what the primary hears of our WAL (upstream_ack). What the
// spool itself has counts in any case: nothing is confirmed as flushed that is not on its disk.
struct AckPolicy {
  enum class Kind {
    kSpool,  // none counts
    kAny,    // the named standbys' do: what `count` of them have, the fastest ones
    kFirst,  // what each of the `count` connected standbys has whose names come first
    kAll,    // what at least one standby of each name has
  };

  Kind kind = Kind::kSpool;
  std::size_t count = 0;
  std::vector<std::string> names;  // application names, without regard to case; "*" is any

  bool counts(std::string_view application_name) const;
  // As pg_stat_replication.sync_priority: with kFirst, the number of the first name that means the
  // standby, from 1 on; otherwise 1; 0 if its word does not count (syncrep.c,
  // SyncRepGetStandbyPriority).
  std::int32_t priority(std::string_view application_name) const;

  friend bool operator==(const AckPolicy&, const AckPolicy&) = default;
};

// Whether a name of a policy means a standby (syncrep.c, SyncRepGetStandbyPriority).
bool names_standby(std::string_view name, std::string_view application_name);

// What PostgreSQL reads in synchronous_standby_names (syncrep_gram.y, syncrep_scanner.l):
// "ANY 2 (a, b)", "FIRST 1 (a, b)", "1 (a, b)", "a, b", with names in double quotes where they are
// no identifiers; and "spool" and "all (a, b)", which PostgreSQL does not know. The error says what
// is wrong with the text: a syntax error, or more standbys asked for than there are names.
runtime::Result<AckPolicy> parse_ack_policy(std::string_view text);

// The forms that parse_ack_policy() reads, for an operator.
std::string_view ack_policy_forms();

// A text that parse_ack_policy() reads as the same policy.
std::string show_ack_policy(const AckPolicy& policy);

}  // namespace server::source

#pragma once

#include <cstddef>
#include <vector>

#include "server/source/ack_policy.h"
#include "server/stats/session_status.h"

namespace server::stats {

// What the word of a standby that counts is worth by the policy alone: of kFirst's, all are
// potential until choose_first() has seen which of them are there.
constexpr SyncState sync_state_of(const source::AckPolicy& policy) {
  switch (policy.kind) {
    case source::AckPolicy::Kind::kSpool:
      break;
    case source::AckPolicy::Kind::kAny:
      return SyncState::kQuorum;
    case source::AckPolicy::Kind::kFirst:
      return SyncState::kPotential;
    case source::AckPolicy::Kind::kAll:
      return SyncState::kSync;
  }
  return SyncState::kAsync;
}

// The `count` potential ones with the lowest priorities are synchronous (syncrep.c,
// SyncRepGetCandidateStandbys).
void choose_first(std::size_t count, std::vector<SessionStatus>& sessions);

}  // namespace server::stats

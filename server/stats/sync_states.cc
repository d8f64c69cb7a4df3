#include "server/stats/sync_states.h"

#include <algorithm>
#include <tuple>

namespace server::stats {

void choose_first(std::size_t count, std::vector<SessionStatus>& sessions) {
  std::vector<SessionStatus*> potential;
  for (SessionStatus& session : sessions) {
    if (session.sync_state == SyncState::kPotential) potential.push_back(&session);
  }
  std::sort(potential.begin(), potential.end(), [](const SessionStatus* a, const SessionStatus* b) {
    return std::tie(a->sync_priority, a->process_id) < std::tie(b->sync_priority, b->process_id);
  });
  const std::size_t chosen = std::min(count, potential.size());
  for (std::size_t i = 0; i < chosen; ++i) potential[i]->sync_state = SyncState::kSync;
}

}  // namespace server::stats

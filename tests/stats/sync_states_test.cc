#include "server/stats/sync_states.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace server::stats {
namespace {

source::AckPolicy policy(const std::string& text) { return *source::parse_ack_policy(text); }

TEST(SyncStatesTest, PrioritiesAreThoseOfTheNames) {
  EXPECT_EQ(policy("FIRST 1 (a, b)").priority("a"), 1);
  EXPECT_EQ(policy("FIRST 1 (a, b)").priority("B"), 2);
  EXPECT_EQ(policy("FIRST 1 (a, *)").priority("c"), 2);
  EXPECT_EQ(policy("FIRST 1 (a, b)").priority("c"), 0);
  EXPECT_EQ(policy("ANY 1 (a, b)").priority("b"), 1);
  EXPECT_EQ(policy("spool").priority("b"), 0);
}

TEST(SyncStatesTest, FollowThePolicy) {
  EXPECT_EQ(sync_state_of(policy("spool")), SyncState::kAsync);
  EXPECT_EQ(sync_state_of(policy("ANY 1 (a)")), SyncState::kQuorum);
  EXPECT_EQ(sync_state_of(policy("all (a)")), SyncState::kSync);
  EXPECT_EQ(sync_state_of(policy("FIRST 1 (a)")), SyncState::kPotential);
}

TEST(SyncStatesTest, TheFirstThatAreThereAreSynchronous) {
  std::vector<SessionStatus> sessions(4);
  const std::int32_t priorities[]{3, 1, 2, 0};
  for (std::size_t i = 0; i < sessions.size(); ++i) {
    sessions[i].process_id = static_cast<std::uint32_t>(10 + i);
    sessions[i].sync_priority = priorities[i];
    if (priorities[i] > 0) sessions[i].sync_state = SyncState::kPotential;
  }
  choose_first(2, sessions);
  EXPECT_EQ(sessions[0].sync_state, SyncState::kPotential);
  EXPECT_EQ(sessions[1].sync_state, SyncState::kSync);
  EXPECT_EQ(sessions[2].sync_state, SyncState::kSync);
  EXPECT_EQ(sessions[3].sync_state, SyncState::kAsync);
  choose_first(9, sessions);
  EXPECT_EQ(sessions[0].sync_state, SyncState::kSync);
}

}  // namespace
}  // namespace server::stats

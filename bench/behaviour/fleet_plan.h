#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "bench/behaviour/group.h"
#include "runtime/clock.h"

namespace bench::behaviour {

// When each standby of a run comes, and when it drops its connection: a function of the groups and
// the seed alone, so that a run can be had again. Standbys are numbered through all groups, in
// their order. Times count from the begin of the run.
//   Owner: Fleet.  Thread: any.
class FleetPlan {
 public:
  FleetPlan(std::vector<Group> groups, std::uint64_t seed);

  std::size_t standbys() const { return standbys_; }
  const std::vector<Group>& groups() const { return groups_; }
  std::uint64_t seed() const { return seed_; }

  // All of these: REQUIRES: standby < standbys().
  std::size_t group_index(std::size_t standby) const;
  const Group& group_of(std::size_t standby) const { return groups_[group_index(standby)]; }
  // Each has its own part of the ramp, in the order of their numbers, and comes anywhere in it.
  runtime::Duration arrival(std::size_t standby) const;
  // For the time `round`, from 0 on: at the same time as its whole group, and up to its jitter
  // later. REQUIRES: its group reconnects.
  runtime::Duration reconnect_at(std::size_t standby, std::uint64_t round) const;

 private:
  // From 0 to below 1; which of all numbers that the standby may ask for is `what`.
  double random(std::size_t standby, std::uint64_t what) const;

  const std::vector<Group> groups_;
  const std::uint64_t seed_;
  std::vector<std::size_t> ends_;  // of the groups: the number behind the last standby's
  std::size_t standbys_ = 0;
};

}  // namespace bench::behaviour

#include "bench/behaviour/fleet_plan.h"

#include <algorithm>
#include <utility>

#include "runtime/check.h"

namespace bench::behaviour {

using runtime::Duration;

namespace {

// SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014): neighbours
// among its inputs have nothing in common.
std::uint64_t mix(std::uint64_t value) {
  value += 0x9e3779b97f4a7c15;
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
  value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
  return value ^ (value >> 31);
}

Duration part_of(Duration duration, double fraction) {
  return Duration(static_cast<Duration::rep>(static_cast<double>(duration.count()) * fraction));
}

constexpr std::uint64_t kArrival = 0;
constexpr std::uint64_t kFirstReconnect = 1;

}  // namespace

FleetPlan::FleetPlan(std::vector<Group> groups, std::uint64_t seed)
    : groups_(std::move(groups)), seed_(seed) {
  for (const Group& group : groups_) ends_.push_back(standbys_ += group.count);
}

std::size_t FleetPlan::group_index(std::size_t standby) const {
  DCHECK(standby < standbys_);
  return static_cast<std::size_t>(std::upper_bound(ends_.begin(), ends_.end(), standby) -
                                  ends_.begin());
}

Duration FleetPlan::arrival(std::size_t standby) const {
  const std::size_t index = group_index(standby);
  const Group& group = groups_[index];
  const std::size_t place = standby - (ends_[index] - group.count);
  const double fraction =
      (static_cast<double>(place) + random(standby, kArrival)) / static_cast<double>(group.count);
  return group.arrive + part_of(group.ramp, fraction);
}

Duration FleetPlan::reconnect_at(std::size_t standby, std::uint64_t round) const {
  const Group& group = group_of(standby);
  DCHECK(group.reconnect_every.count() > 0);
  return group.reconnect_every * static_cast<Duration::rep>(round + 1) +
         part_of(group.reconnect_jitter, random(standby, kFirstReconnect + round));
}

double FleetPlan::random(std::size_t standby, std::uint64_t what) const {
  constexpr int kMantissaBits = 53;
  const std::uint64_t bits = mix(mix(mix(seed_) ^ standby) ^ what);
  return static_cast<double>(bits >> (64 - kMantissaBits)) / 0x1p53;
}

}  // namespace bench::behaviour

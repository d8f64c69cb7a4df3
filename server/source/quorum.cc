#include "server/source/quorum.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

#include "runtime/check.h"

namespace server::source {

using wal::Lsn;

Quorum::Quorum(AckPolicy policy) : policy_(std::move(policy)) {
  if (policy_.kind == AckPolicy::Kind::kAny) groups_.emplace_back();
  if (policy_.kind != AckPolicy::Kind::kAll && policy_.kind != AckPolicy::Kind::kFirst) return;
  for (const std::string& name : policy_.names) groups_.emplace_back().name = name;
}

void Quorum::set_listener(std::function<void()> changed) {
  const runtime::Lock lock(mutex_);
  changed_ = std::move(changed);
}

void Quorum::report(std::uint32_t process_id, std::string_view name, const Positions& positions) {
  std::function<void()> changed;
  {
    const runtime::Lock lock(mutex_);
    const auto [found, is_new] = standbys_.try_emplace(process_id);
    Standby& standby = found->second;
    if (!is_new && standby.positions == positions) return;
    if (is_new) {
      standby.name = name;
    } else {
      take_out(standby);
    }
    standby.positions = positions;
    put_in(standby);
    if (!publish()) return;
    changed = changed_;
  }
  if (changed) changed();
}

// Less may be confirmed then. The receiver is not woken for it: the primary has heard of more.
void Quorum::remove(std::uint32_t process_id) {
  const runtime::Lock lock(mutex_);
  const auto found = standbys_.find(process_id);
  if (found == standbys_.end()) return;
  take_out(found->second);
  standbys_.erase(found);
  publish();
}

template <typename Visit>
void Quorum::visit_groups(const Standby& standby, Visit visit) {
  for (Group& group : groups_) {
    if (policy_.kind != AckPolicy::Kind::kAny && !names_standby(group.name, standby.name)) continue;
    visit(group);
    if (policy_.kind == AckPolicy::Kind::kFirst) return;  // its priority is that of the first name
  }
}

void Quorum::put_in(const Standby& standby) {
  visit_groups(standby, [&](Group& group) {
    group.write.insert(standby.positions.write);
    group.flush.insert(standby.positions.flush);
    group.apply.insert(standby.positions.apply);
  });
}

void Quorum::take_out(const Standby& standby) {
  const auto erase_one = [](Ordered& positions, Lsn position) {
    const auto found = positions.find(position);
    CHECK(found != positions.end());
    positions.erase(found);
  };
  visit_groups(standby, [&](Group& group) {
    erase_one(group.write, standby.positions.write);
    erase_one(group.flush, standby.positions.flush);
    erase_one(group.apply, standby.positions.apply);
  });
}

// The least of what the groups confirm. A group of "any" confirms what its count-th standby has.
Lsn Quorum::confirmed(Ordered Group::*positions) const {
  if (policy_.kind == AckPolicy::Kind::kFirst) return confirmed_by_first(positions);
  const std::size_t count = policy_.kind == AckPolicy::Kind::kAny ? policy_.count : 1;
  std::optional<Lsn> least;
  for (const Group& group : groups_) {
    const Ordered& of_group = group.*positions;
    if (of_group.size() < count) return Lsn();
    const Lsn nth = *std::next(of_group.begin(), static_cast<std::ptrdiff_t>(count - 1));
    least = std::min(least.value_or(nth), nth);
  }
  return least.value_or(Lsn());
}

// The least of what the `count` connected standbys have whose names come first
// (SyncRepGetSyncStandbysPriority). For "first 2 (a, b, c)":
//   1. a is at 90 and c is at 80: these two count, and 80 is confirmed.
//   2. b connects, at 10: a and b count, and 10 is confirmed, though c has more.
// Of several standbys of one name as many count as are wanted yet, the fastest ones.
Lsn Quorum::confirmed_by_first(Ordered Group::*positions) const {
  std::size_t wanted = policy_.count;
  Lsn least = Lsn::max();
  for (const Group& group : groups_) {
    const Ordered& of_group = group.*positions;
    const std::size_t taken = std::min(wanted, of_group.size());
    if (taken == 0) continue;
    least = std::min(least, *std::next(of_group.begin(), static_cast<std::ptrdiff_t>(taken - 1)));
    wanted -= taken;
  }
  return wanted == 0 ? least : Lsn();
}

bool Quorum::publish() {
  const Positions before = confirmed();
  write_.store(confirmed(&Group::write));
  flush_.store(confirmed(&Group::flush));
  apply_.store(confirmed(&Group::apply));
  return confirmed() != before;
}

}  // namespace server::source

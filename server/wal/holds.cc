#include "server/wal/holds.h"

#include <algorithm>

#include "runtime/check.h"

namespace server::wal {

namespace {

void drop_empty(std::vector<Hold>& holds) {
  std::erase_if(holds, [](const Hold& hold) { return !hold.from.valid(); });
}

}  // namespace

void Holds::add(Holder& holder) {
  const runtime::Lock lock(mutex_);
  DCHECK(std::find(holders_.begin(), holders_.end(), &holder) == holders_.end());
  holders_.push_back(&holder);
}

void Holds::remove(Holder& holder) {
  const runtime::Lock lock(mutex_);
  CHECK(std::erase(holders_, &holder) == 1);
}

std::vector<Hold> Holds::list() const {
  const std::uint64_t number = begin_list();
  std::vector<Hold> all;
  for (const Holder* holder : holders()) {
    for (Hold& hold : holder->holds()) all.push_back(std::move(hold));
  }
  drop_empty(all);
  std::stable_sort(all.begin(), all.end(),
                   [](const Hold& a, const Hold& b) { return a.from < b.from; });
  note_since(number, all);
  return all;
}

Lsn Holds::oldest() const {
  const std::vector<Hold> all = list();
  return all.empty() ? Lsn() : all.front().from;
}

void Holds::settle(Lsn before) {
  for (Holder* holder : holders_before(before)) holder->settle();
}

void Holds::release_before(Lsn oldest) {
  for (Holder* holder : holders_before(oldest)) holder->release_before(oldest);
}

std::vector<Holder*> Holds::holders() const {
  const runtime::Lock lock(mutex_);
  return holders_;
}

std::vector<Holder*> Holds::holders_before(Lsn lsn) const {
  std::vector<Holder*> found = holders();
  std::erase_if(found, [lsn](const Holder* holder) {
    const std::vector<Hold> holds = holder->holds();
    return std::none_of(holds.begin(), holds.end(),
                        [lsn](const Hold& hold) { return hold.from.valid() && hold.from < lsn; });
  });
  return found;
}

std::uint64_t Holds::begin_list() const {
  const runtime::Lock lock(mutex_);
  return ++lists_begun_;
}

// A hold that has moved, or was not there the last time, begins now. Two lists at once:
//   1. List 1 asks a slot for its hold, which is from 0/3000000, and its thread is put to sleep.
//   2. The slot moves to 0/5000000. List 2 sees that, and notes when.
//   3. List 1 goes on. If it noted 0/3000000, the next list would find that the slot has moved,
//      and its hold would begin anew.
void Holds::note_since(std::uint64_t list, std::vector<Hold>& holds) const {
  const runtime::Instant now = clock_.now();
  std::map<Name, Seen> seen;
  const runtime::Lock lock(mutex_);
  for (Hold& hold : holds) {
    Name name{hold.who, hold.why};
    const auto before = seen_.find(name);
    const bool stands = before != seen_.end() && before->second.from == hold.from;
    hold.since = stands ? before->second.since : now;
    seen.insert_or_assign(std::move(name), Seen{hold.from, hold.since});
  }
  DCHECK(list <= lists_begun_);
  if (list < seen_by_) return;
  seen_by_ = list;
  seen_ = std::move(seen);
}

}  // namespace server::wal

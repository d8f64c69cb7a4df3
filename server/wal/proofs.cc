#include "server/wal/proofs.h"

#include <algorithm>
#include <utility>

#include "runtime/check.h"

namespace server::wal {

// Null if the range does not reach into that segment.
const FileId* Proofs::Range::file(SegmentNo no) const {
  if (no < first || value(no) - value(first) >= files.size()) return nullptr;
  return &files[value(no) - value(first)];
}

std::uint64_t Proofs::begin() const {
  const runtime::Lock lock(mutex_);
  return clock_;
}

void Proofs::add(std::uint64_t begun, Lsn begin, Lsn end, const ReadFiles& files) {
  CHECK(begin < end && !files.empty());
  const runtime::Lock lock(mutex_);
  if (was_forgotten(files, begun)) return;
  Range range{.end = end, .added = ++clock_, .first = files.begin()->first, .files = {}};
  for (const auto& [no, id] : files) {
    CHECK(value(no) == value(range.first) + range.files.size());
    range.files.push_back(id);
  }
  // Of those that it meets, the ranges of other files are out of date.
  const auto is_of_other_files = [&](const Range& other) {
    return std::any_of(files.begin(), files.end(), [&](const auto& file) {
      const FileId* const id = other.file(file.first);
      return id != nullptr && *id != file.second;
    });
  };
  for (auto it = first_beyond(begin); it != ranges_.end() && it->first < end;) {
    const bool goes =
        is_of_other_files(it->second) || (begin <= it->first && it->second.end <= end);
    if (!goes && it->first <= begin && end <= it->second.end) return;
    it = goes ? erase(it) : std::next(it);
  }
  by_age_.emplace(range.added, begin);
  ranges_.emplace(begin, std::move(range));
  if (ranges_.size() > kRangesMax) erase(ranges_.find(by_age_.begin()->second));
}

bool Proofs::was_forgotten(const ReadFiles& files, std::uint64_t begun) const {
  if (forgotten_all_ > begun) return true;
  return std::any_of(files.begin(), files.end(), [&](const auto& file) REQUIRES(mutex_) {
    const auto found = forgotten_.find(file.first);
    return found != forgotten_.end() && found->second > begun;
  });
}

bool Proofs::covers(const Segment& segment, Lsn begin, Lsn end) const {
  DCHECK(segment.begin() <= begin && begin <= end && end <= segment.end());
  const runtime::Lock lock(mutex_);
  while (begin < end) {
    const auto next = ranges_.upper_bound(begin);
    if (next == ranges_.begin()) return false;
    const Range& range = std::prev(next)->second;
    const FileId* const file = range.file(segment.no());
    if (range.end <= begin || file == nullptr || *file != segment.id()) return false;
    begin = range.end;
  }
  return true;
}

void Proofs::forget(SegmentNo no, SegmentSize size) {
  const runtime::Lock lock(mutex_);
  forgotten_[no] = ++clock_;
  if (forgotten_.size() > kForgottenMax) {
    forgotten_.clear();
    forgotten_all_ = clock_;
  }
  // A range has read all of the first and the last page that it touches.
  const Lsn begin = size.start(no);
  const Lsn end = size.end(no);
  for (auto it = first_beyond(begin); it != ranges_.end() && it->first < end;) it = erase(it);
}

// The first range that ends behind `lsn`.
Proofs::Ranges::iterator Proofs::first_beyond(Lsn lsn) {
  auto it = ranges_.upper_bound(lsn);
  while (it != ranges_.begin() && std::prev(it)->second.end > lsn) --it;
  return it;
}

Proofs::Ranges::iterator Proofs::erase(Ranges::iterator range) {
  by_age_.erase(range->second.added);
  return ranges_.erase(range);
}

std::size_t Proofs::ranges_for_test() const {
  const runtime::Lock lock(mutex_);
  return ranges_.size();
}

}  // namespace server::wal

#include "server/wal/wrong_records.h"

#include <utility>

namespace server::wal {

std::uint64_t WrongRecords::begin() const {
  const runtime::Lock lock(mutex_);
  return forgotten_;
}

void WrongRecords::add(std::uint64_t begun, WrongRecord record) {
  const runtime::Lock lock(mutex_);
  if (forgotten_ != begun || record.again.is_quick()) return;
  const Lsn begin = record.begin;
  records_.insert_or_assign(begin, std::move(record));
  if (records_.size() > kRecordsMax) records_.erase(records_.begin());
}

std::optional<WrongRecord> WrongRecords::find(Lsn begin, Lsn end) const {
  const runtime::Lock lock(mutex_);
  for (const auto& [at, record] : records_) {
    if (at < end && begin < record.read_to) return record;
  }
  return std::nullopt;
}

void WrongRecords::forget(SegmentNo no) {
  const runtime::Lock lock(mutex_);
  ++forgotten_;
  std::erase_if(records_, [no](const auto& entry) { return entry.second.files.contains(no); });
}

}  // namespace server::wal

#include "server/wal/next_xid.h"

#include <algorithm>

#include "server/wal/format.h"

namespace server::wal {

namespace {

// Where nextXid is within the main data of a checkpoint (pg_control.h, CheckPoint): behind `redo`,
// two timelines and flags, in all versions from 13 to 18.
constexpr std::size_t kCheckpointNextXidOffset = 24;
// In xl_running_xacts it is behind two counts and a flag (standbydefs.h).
constexpr std::size_t kRunningNextXidOffset = 12;

// The main data of a record that has no block references, as far as `head` has it.
std::span<const std::byte> main_data(std::span<const std::byte> head) {
  constexpr std::byte kShortData{255};
  constexpr std::byte kLongData{254};
  head = head.subspan(std::min<std::size_t>(head.size(), kRecordHeaderBytes));
  if (head.empty()) return {};
  if (head[0] == kShortData) return head.subspan(std::min<std::size_t>(head.size(), 2));
  if (head[0] == kLongData) return head.subspan(std::min<std::size_t>(head.size(), 5));
  return {};
}

template <typename T>
std::optional<T> field_at(std::span<const std::byte> data, std::size_t offset) {
  if (data.size() < offset + sizeof(T)) return std::nullopt;
  return load_header<T>(data.subspan(offset));
}

bool is_normal(TransactionId id) { return id >= kFirstNormalTransactionId; }

}  // namespace

static_assert(kRecordHeaderBytes + 5 + kCheckpointNextXidOffset + sizeof(std::uint64_t) <=
              RecordReader::kHeadBytes);

bool is_in_recent_past(std::uint64_t full_id, const NextXid& next) {
  constexpr std::uint64_t kHalfOfAll = std::uint64_t{1} << 31;
  if (next.id == kInvalidTransactionId) return true;
  if (!next.epoch.has_value()) return next.age_of(full_id) >= -kXidsAheadMax;
  const std::uint64_t next_full = (std::uint64_t{*next.epoch} << 32) | next.id;
  if (full_id > next_full) return full_id - next_full <= kXidsAheadMax;
  return next_full - full_id <= kHalfOfAll;
}

bool is_in_recent_past(const Xmin& xmin, const NextXid& next) {
  return (xmin.data == 0 || is_in_recent_past(xmin.data, next)) &&
         (xmin.catalog == 0 || is_in_recent_past(xmin.catalog, next));
}

void XidClock::note(const Record& record, std::span<const std::byte> head) {
  if (is_normal(record.xid)) {
    const TransactionId after = record.xid + 1;
    advance(is_normal(after) ? after : kFirstNormalTransactionId);
  }
  const std::uint8_t kind = record.info & kInfoKindMask;
  if (record.rmid == kRmgrXlog &&
      (kind == kXlogCheckpointShutdown || kind == kXlogCheckpointOnline)) {
    const auto full_id = field_at<std::uint64_t>(main_data(head), kCheckpointNextXidOffset);
    if (full_id.has_value() && is_normal(static_cast<TransactionId>(*full_id))) {
      take_checkpoint(*full_id, kind == kXlogCheckpointShutdown);
    }
  } else if (record.rmid == kRmgrStandby && kind == kStandbyRunningXacts) {
    const auto id = field_at<TransactionId>(main_data(head), kRunningNextXidOffset);
    if (id.has_value() && is_normal(*id)) advance(*id);
  }
}

void XidClock::advance(TransactionId next) {
  if (next_.id == kInvalidTransactionId) {
    next_.id = next;
    return;
  }
  if (!follows_or_equals(next, next_.id)) return;
  if (next < next_.id && next_.epoch.has_value()) ++*next_.epoch;
  next_.id = next;
}

// No transaction begins while a server shuts down, so what that checkpoint says is exact. Another
// one was begun before the newest records were written, so its id may be behind, and the newest may
// be of the next epoch already.
void XidClock::take_checkpoint(std::uint64_t full_id, bool shutdown) {
  const auto id = static_cast<TransactionId>(full_id);
  const auto epoch = static_cast<std::uint32_t>(full_id >> 32);
  const TransactionId newest = next_.id;
  if (shutdown || newest == kInvalidTransactionId || follows_or_equals(id, newest)) {
    next_ = {.id = id, .epoch = epoch};
    return;
  }
  next_.epoch = newest < id ? epoch + 1 : epoch;
}

}  // namespace server::wal

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "server/wal/record_reader.h"
#include "server/wal/xmin.h"

namespace server::wal {

// The transaction id that is given out next, as far as WAL shows. Its epoch is known once a
// checkpoint has told it, since no other record has one.
struct NextXid {
  TransactionId id = kInvalidTransactionId;  // invalid: nothing is known
  std::optional<std::uint32_t> epoch = {};

  // How many transactions lie between one of these ids and the next; negative: it is ahead.
  std::int32_t age_of(std::uint64_t full_id) const {
    return static_cast<std::int32_t>(id - static_cast<TransactionId>(full_id));
  }

  friend bool operator==(const NextXid&, const NextXid&) = default;
};

// A transaction may take an id without a record of its own: a subtransaction that only writes to
// temporary tables. So ids that are a little ahead of what WAL shows are possible.
inline constexpr std::int32_t kXidsAheadMax = 1 << 20;

// Whether PostgreSQL would take `full_id` as the xmin of a standby (walsender.c,
// TransactionIdInRecentPast): it is not ahead, its epoch is right, and it is not so old that its id
// has come round. What is not known yet is not held against it.
bool is_in_recent_past(std::uint64_t full_id, const NextXid& next);
// The same of both ids; none of an id is right.
bool is_in_recent_past(const Xmin& xmin, const NextXid& next);

// Follows the transaction ids of records that were proven, in their order (varsup.c,
// AdvanceNextFullTransactionIdPastXid; xlogrecovery.c and standby.c for what records say).
//   Owner: Reader.  Thread: the reader's.
//   Invariant: an id goes back only where a checkpoint of a shutdown says so.
class XidClock {
 public:
  // `head`: the first bytes of the record, its header included, as many as RecordReader keeps.
  void note(const Record& record, std::span<const std::byte> head);

  const NextXid& next() const { return next_; }

 private:
  void advance(TransactionId next);
  void take_checkpoint(std::uint64_t full_id, bool shutdown);

  NextXid next_;
};

}  // namespace server::wal

#include "server/source/resumption.h"

#include <algorithm>

#include "runtime/check.h"

namespace server::source {

using wal::Lsn;
using wal::SpoolPositions;

// No more than a segment's worth of WAL was written and not synced, so what was synced ends in the
// segment of `written` or in the one before it. A slot that stands at a segment's begin keeps that
// segment, and not the one before it.
void Resumption::restart(const SpoolPositions& spool, wal::SegmentSize size) {
  *this = {};
  const Lsn segment = size.start(size.segment_of(spool.written()));
  const Lsn before = segment - std::min<std::uint64_t>(segment.value(), size.bytes());
  choices_ = {std::max(spool.proven(), before), std::max(spool.proven(), segment)};
  if (choices_[0] == choices_[1]) choices_.pop_back();
}

void Resumption::connect(const SpoolPositions& spool, Lsn shared) {
  CHECK(!has_wal() && !from_proven_);
  from_proven_ = shared < begin(spool);
}

void Resumption::on_wal(const SpoolPositions& spool) {
  if (has_wal()) return;
  began_ = begin(spool);
  choices_.clear();
  from_proven_ = false;
}

// The WAL that one connection brought may be wrong, or the WAL that was there before it. If the
// primary has all of it, all of it comes again; else the WAL that was there before is the only
// copy.
void Resumption::on_lost(const SpoolPositions& spool, Loss loss) {
  if (loss == Loss::kWrong) {
    choices_ = {spool.proven()};
    if (has_wal() && began_ > spool.proven()) choices_.push_back(began_);
    choice_ = 0;
  } else if (loss == Loss::kRefused && streams_ && !has_wal() && !from_proven_) {
    if (++choice_ >= choices_.size()) choice_ = 0;
  }
  from_proven_ = streams_ = false;
  began_ = {};
}

Lsn Resumption::begin(const SpoolPositions& spool) const {
  if (from_proven_) return spool.proven();
  // WAL behind a choice may have been taken back already, by a call that failed then.
  const Lsn begin = choices_.empty() ? spool.written() : choices_[choice_];
  DCHECK(spool.proven() <= begin);
  return std::min(begin, spool.written());
}

}  // namespace server::source

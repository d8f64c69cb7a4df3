#include "server/wal/reader.h"

#include <algorithm>
#include <utility>

#include "runtime/check.h"
#include "runtime/probes.h"

namespace server::wal {

void Reader::seek(Lsn position, Lsn previous_record, Lsn end) {
  CHECK(tail_.timelines() != nullptr);
  searched_from_.reset();
  again_.reset();
  records_.reset();
  pages_.begin(tail_.timelines()->history, std::max(position, end));
  records_.emplace(pages_, identity_);
  records_->seek(position, previous_record);
}

void Reader::restart(Lsn end) {
  searched_from_.has_value() ? seek_first(*searched_from_, end)
                             : seek(position(), previous_record(), end);
}

void Reader::seek_first(Lsn segment_begin, Lsn end) {
  seek(segment_begin, Lsn(), end);
  searched_from_ = segment_begin;
}

void Reader::resume(Lsn end, Lsn last_record, Lsn incomplete_to) {
  const bool is_first = !last_record.valid() && identity_.segment_size.offset(end) == 0;
  is_first ? seek_first(end, incomplete_to) : seek(end, last_record, incomplete_to);
}

Outcome Reader::advance(Lsn limit) {
  if (again_ && position() < limit && !is_worth_reading_again()) return Outcome::kInvalid;
  again_.reset();
  pages_.look_again();
  if (searched_from_.has_value()) {
    if (const Outcome found = records_->seek_first(*searched_from_); found != Outcome::kRecord) {
      return found;
    }
    if (records_->position() > limit) return Outcome::kEndOfWal;
    const Lsn begin = *std::exchange(searched_from_, std::nullopt);
    if (begin < records_->position()) publish(begin);
  }
  // A page that was read when the limit stopped us may have become longer since.
  if (stopped_by_limit_) records_->seek(records_->position(), records_->previous_record());
  Outcome outcome = Outcome::kRecord;
  runtime::Instant begun{};
  while (outcome == Outcome::kRecord && records_->position() < limit) {
    const Lsn begin = records_->position();
    begun = clock_.now();
    while (outcome == Outcome::kRecord && records_->position() - begin < kBatchBytes &&
           records_->position() < limit) {
      outcome = next_record(limit);
    }
    if (begin < records_->position()) publish(begin);
  }
  stopped_by_limit_ = outcome == Outcome::kRecord;
  if (outcome == Outcome::kInvalid) {
    const runtime::Instant ended = clock_.now();
    again_.emplace(ended, ended - begun);
  }
  return outcome;
}

bool Reader::is_worth_reading_again() const {
  const runtime::Instant now = clock_.now();
  return again_->is_due(now) || (again_->is_due_if_changed(now) && pages_.have_changed());
}

// One that ends behind the limit is not there yet.
Outcome Reader::next_record(Lsn limit) {
  const Lsn begin = records_->position();
  const Lsn previous = records_->previous_record();
  const Outcome outcome = records_->next(limit);
  if (records_->position() <= limit) {
    if (outcome == Outcome::kRecord) xids_.note(records_->record(), records_->head());
    return outcome;
  }
  records_->seek(begin, previous);
  return Outcome::kEndOfWal;
}

void Reader::publish(Lsn begin) {
  const Lsn end = records_->position();
  tail_.note_proven(clock_.now());
  runtime::probes::wal_proven(begin.value(), end.value());
  const bool replaced = pages_.file_was_replaced(begin, end);
  tail_.show_xid(xids_.next());
  tail_.publish(begin, end, clock_.now(), replaced);
}

}  // namespace server::wal

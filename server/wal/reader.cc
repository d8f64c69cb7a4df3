#include "server/wal/reader.h"

#include <utility>

#include "runtime/check.h"

namespace server::wal {

Reader::Reader(std::string directory, const Identity& identity, const runtime::Clock& clock,
               WalTail& tail)
    : directory_(std::move(directory)), identity_(identity), clock_(clock), tail_(tail) {}

void Reader::seek(Lsn position, Lsn previous_record) {
  CHECK(tail_.timelines() != nullptr);
  records_.reset();
  pages_.emplace(directory_, tail_.timelines()->history, identity_.segment_size);
  records_.emplace(*pages_, identity_);
  records_->seek(position, previous_record);
}

Outcome Reader::advance() {
  pages_->forget();
  Outcome outcome = Outcome::kRecord;
  while (outcome == Outcome::kRecord) {
    const Lsn begin = records_->position();
    std::uint32_t count = 0;
    while (records_->position() - begin < kBatchBytes &&
           (outcome = records_->next()) == Outcome::kRecord) {
      ++count;
    }
    if (count > 0) tail_.publish(begin, records_->position(), count, clock_.now());
  }
  return outcome;
}

}  // namespace server::wal

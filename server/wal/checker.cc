#include "server/wal/checker.h"

#include <algorithm>

#include "runtime/check.h"
#include "server/wal/format.h"
#include "server/wal/record_reader.h"

namespace server::wal {

namespace {

// Gives up after so many pages.
class LimitedPages final : public PageSource {
 public:
  LimitedPages(PageSource& source, std::optional<std::uint64_t> pages_max)
      : source_(source), pages_max_(pages_max) {}

  PageView page(Lsn page) override {
    if (pages_max_.has_value() && pages_++ >= *pages_max_) {
      return {.bytes = {}, .problem = runtime::Error{.kind = &kCheckTooLong, .what = "too long"}};
    }
    last_ = page;
    return source_.page(page);
  }
  // The one that was asked for last.
  Lsn last() const { return last_; }
  TimelineId file_timeline(SegmentNo no) const override { return source_.file_timeline(no); }
  bool bytes_are_final() const override { return source_.bytes_are_final(); }

 private:
  PageSource& source_;
  const std::optional<std::uint64_t> pages_max_;
  std::uint64_t pages_ = 0;
  Lsn last_;
};

// The padding of a switch has no records, so the reader skips it; it is sent all the same. What of
// it lies in the range is read.
void warm_padding(PageSource& source, const Record& record, Lsn begin, Lsn end) {
  if (!is_switch(record.rmid, record.info)) return;
  const Lsn last = std::min(record.end, end);
  for (Lsn page = std::max(record.begin, begin).page_start(); page < last; page += kPageBytes) {
    source.page(page);
  }
}

// Whether the record that `begin` lies in cannot be had, because its file has been removed, cut
// off, locked or replaced by another cluster's: then its rest is taken as it is, as at the begin of
// all WAL. A file that is too short for a later record has the same fault, which names its page.
bool begins_out_of_reach(const RangeCheck& check, Lsn begin) {
  if (!check.fault.has_value() || check.fault->lsn >= begin || check.proven_to > begin)
    return false;
  const FaultKind kind = check.fault->kind;
  if (kind == FaultKind::kUnreadable) return check.problem->kind != &kCheckTooLong;
  return kind == FaultKind::kShortFile || kind == FaultKind::kSystemIdentifier;
}

RangeCheck failed(const RecordReader& reader, Lsn proven_to) {
  return {.proven_to = proven_to, .fault = reader.fault(), .problem = reader.problem()};
}

// Whether bytes are there, and wrong. A file that ends too early, or is another cluster's, may be
// exchanged as a whole.
bool is_in_record(const Fault& fault) {
  return fault.kind != FaultKind::kUnreadable && fault.kind != FaultKind::kShortFile &&
         fault.kind != FaultKind::kSystemIdentifier;
}

// The record that was to be read next is none.
RangeCheck wrong_record(const RecordReader& reader, Lsn end, const LimitedPages& pages) {
  RangeCheck check = failed(reader, std::min(reader.position(), end));
  if (is_in_record(*check.fault)) check.wrong_to = pages.last();
  const bool is_too_long = check.problem.has_value() && check.problem->kind == &kCheckTooLong;
  if (is_too_long) check.long_record = reader.position();
  return check;
}

// Proves record after record from where the reader was to go, until the range is covered.
RangeCheck prove(RecordReader& reader, Outcome found, LimitedPages& source, Lsn begin, Lsn end) {
  if (found != Outcome::kRecord) return failed(reader, std::min(reader.position(), begin));
  const Lsn covered_begin = std::min(reader.position(), begin);
  while (reader.position() < end) {
    if (reader.next() != Outcome::kRecord) return wrong_record(reader, end, source);
    warm_padding(source, reader.record(), begin, end);
  }
  return {.proven_to = end, .covered_begin = covered_begin, .covered_end = reader.position()};
}

}  // namespace

RangeCheck check_range(PageSource& source, const Identity& identity, Lsn begin, Lsn end,
                       std::optional<std::uint64_t> pages_max) {
  CHECK(begin <= end);
  if (begin == end) return {.proven_to = end, .covered_begin = end, .covered_end = end};
  LimitedPages pages(source, pages_max);
  RecordReader reader(pages, identity);
  const RangeCheck check = prove(reader, reader.seek_covering(begin), pages, begin, end);
  if (!begins_out_of_reach(check, begin)) return check;
  return prove(reader, reader.seek_first(begin), pages, begin, end);
}

}  // namespace server::wal

#include "server/wal/segments.h"

#include <algorithm>
#include <array>
#include <utility>

#include "runtime/check.h"
#include "runtime/errors.h"
#include "server/wal/names.h"
#include "server/wal/pages.h"

namespace server::wal {

runtime::Error segment_removed(TimelineId timeline, SegmentNo no, SegmentSize size) {
  return {.kind = &kWalRemoved,
          .what = runtime::format("requested WAL segment {} has already been removed",
                                  segment_name(timeline, no, size))};
}

runtime::Error too_short(const Segment& segment, std::uint32_t offset, std::size_t read,
                         std::size_t wanted) {
  return {.kind = &runtime::kDataCorrupted,
          .what = runtime::format("could not read from log segment {}, offset {}: read {} of {}",
                                  segment.name(), offset, read, wanted)};
}

runtime::Result<SegmentRef> Segments::open(const Timelines& timelines, Lsn lsn) {
  const SegmentNo no = identity_.segment_size.segment_of(lsn);
  const TimelineId timeline = timelines.history.file_timeline(no, identity_.segment_size);
  auto opened = Segment::open(path_of(timelines, no), timeline, no, identity_.segment_size);
  if (!opened) return open_error(std::move(opened).error(), timeline, no);
  bool replaced = false;
  SegmentRef segment = share(std::move(opened).value(), replaced);
  if (replaced) proofs_.forget(no, identity_.segment_size);
  if (const auto unknown = opened_files_.note_new(no, segment->stamp())) {
    proofs_.forget(*unknown, identity_.segment_size);
  }
  return segment;
}

std::vector<SegmentNo> Segments::find_changed(const Timelines& timelines, SegmentNo before) {
  std::map<SegmentNo, FileStamp> stamps = walked_files_.all();
  stamps.merge(opened_files_.all());
  std::vector<SegmentNo> changed;
  for (const auto& [no, stamp] : stamps) {
    if (no < before && Segment::look(path_of(timelines, no)) != stamp) changed.push_back(no);
  }
  return changed;
}

// A segment that has just been opened by its name is the one that was open before only if both are
// the same file.
SegmentRef Segments::share(SegmentRef opened, bool& replaced) {
  const runtime::Lock lock(mutex_);
  std::erase_if(open_, [](const auto& entry) { return entry.second.expired(); });
  std::weak_ptr<Segment>& known = open_[opened->no()];
  SegmentRef earlier = known.lock();
  if (earlier != nullptr && earlier->timeline() == opened->timeline()) {
    if (earlier->id() == opened->id()) return earlier;
    replaced = true;
  }
  known = opened;
  return opened;
}

runtime::Result<PreparedSlice> Segments::warm(SegmentRef segment, Lsn lsn, Lsn wal_end) const {
  const Range range = slice_range(*segment, lsn, wal_end);
  if (!is_cached(*segment, range)) TRY(read_all(*segment, range));
  return PreparedSlice{std::move(segment), range.end, false};
}

runtime::Result<PreparedSlice> Segments::prepare(const Timelines& timelines, SegmentRef segment,
                                                 Lsn lsn, Lsn wal_end, Effort effort) {
  const Range range = slice_range(*segment, lsn, wal_end);
  if (proofs_.covers(*segment, range.begin, range.end)) {
    return warm(std::move(segment), lsn, wal_end);
  }
  const RangeCheck check = check_slice(timelines, *segment, range, effort);
  if (check.problem.has_value() && check.problem->kind == &kCheckTooLong) {
    return PreparedSlice{std::move(segment), range.begin, false, check.long_record};
  }
  if (check.problem.has_value()) {
    // It may be a neighbour's: records cross into the next segment, and begin in the one before.
    const SegmentNo unread = identity_.segment_size.segment_of(check.fault->lsn);
    return open_error(*check.problem,
                      timelines.history.file_timeline(unread, identity_.segment_size), unread);
  }
  if (Segment::find(path_of(timelines, segment->no())) != segment->id()) {
    proofs_.forget(segment->no(), identity_.segment_size);
    return PreparedSlice{TRY(open(timelines, lsn)), range.begin, false};
  }
  if (check.fault.has_value()) {
    if (check.fault->kind == FaultKind::kShortFile) TRY(read_all(*segment, range));
    const SegmentNo bad = identity_.segment_size.segment_of(check.fault->lsn);
    faults_.report(*check.fault, timelines.history.file_timeline(bad, identity_.segment_size));
  }
  return PreparedSlice{std::move(segment), check.proven_to, check.fault.has_value()};
}

// The slice that holds `lsn`, as far as there is WAL.
Segments::Range Segments::slice_range(const Segment& segment, Lsn lsn, Lsn wal_end) {
  CHECK(segment.begin() <= lsn && lsn < segment.end());
  const Lsn begin = lsn - (lsn - segment.begin()) % kSliceBytes;
  CHECK(begin <= wal_end);
  return {begin, std::min(begin + kSliceBytes, wal_end)};
}

// A look at the kernel's list of pages is cheaper than a copy of them.
bool Segments::is_cached(const Segment& segment, const Range& range) {
  return segment.is_known_resident(static_cast<std::uint32_t>(range.begin - segment.begin()),
                                   static_cast<std::uint32_t>(range.end - range.begin));
}

// Brings a range of a file into the page cache.
runtime::Result<void> Segments::read_all(const Segment& segment, const Range& range) {
  std::array<std::byte, 64 * 1024> buffer;
  for (Lsn at = range.begin; at < range.end;) {
    const auto offset = static_cast<std::uint32_t>(at - segment.begin());
    const std::size_t wanted = std::min<std::size_t>(buffer.size(), range.end - at);
    const std::size_t read = TRY(segment.read(offset, std::span(buffer).first(wanted)));
    if (read < wanted) return too_short(segment, offset, read, wanted);
    at += wanted;
  }
  return {};
}

// Of a record that is known to be wrong, only what lies before it is read.
RangeCheck Segments::check_slice(const Timelines& timelines, const Segment& segment,
                                 const Range& range, Effort effort) {
  const auto wrong = wrong_records_.find(range.begin, range.end);
  if (!wrong || is_worth_reading_again(timelines, *wrong)) return prove(timelines, range, effort);
  const RangeCheck known{.proven_to = wrong->begin, .fault = wrong->fault};
  const Range before{range.begin, std::max(range.begin, wrong->begin)};
  if (proofs_.covers(segment, before.begin, before.end)) return known;
  RangeCheck proven = prove(timelines, before, effort);
  return proven.fault.has_value() ? proven : known;
}

// As the Reader does: a file that is written to all the time must not cost all of a thread's time.
bool Segments::is_worth_reading_again(const Timelines& timelines, const WrongRecord& wrong) const {
  const runtime::Instant now = clock_.now();
  return wrong.again.is_due(now) ||
         (wrong.again.is_due_if_changed(now) && have_changed(timelines, wrong.files));
}

bool Segments::have_changed(const Timelines& timelines, const OpenedFiles& files) const {
  return std::any_of(files.begin(), files.end(), [&](const auto& file) {
    return Segment::look(path_of(timelines, file.first)) != file.second;
  });
}

RangeCheck Segments::prove(const Timelines& timelines, const Range& range, Effort effort) {
  {
    const runtime::Lock lock(mutex_);
    ++proofs_made_;
  }
  const std::uint64_t begun = proofs_.begin();
  const std::uint64_t begun_of_wrong = wrong_records_.begin();
  const runtime::Instant started = clock_.now();
  OpenedFiles files;
  FilePages pages(directory_.path(), timelines.history, identity_.segment_size, &files);
  const auto pages_max = effort == Effort::kShort ? std::optional(kShortProofPages) : std::nullopt;
  const RangeCheck check = check_range(pages, identity_, range.begin, range.end, pages_max);
  if (check.wrong_to.valid()) {
    const runtime::Instant ended = clock_.now();
    const Lsn read_to = std::max(check.wrong_to, range.end);
    wrong_records_.add(begun_of_wrong, {.begin = check.proven_to,
                                        .read_to = read_to,
                                        .fault = *check.fault,
                                        .files = of_segments(files, check.proven_to,
                                                             std::max(check.wrong_to + 1, read_to)),
                                        .again = {ended, ended - started}});
  } else if (!check.fault.has_value() && range.begin < range.end) {
    ReadFiles read;
    for (const auto& [no, stamp] : of_segments(files, check.covered_begin, check.covered_end)) {
      read.emplace(no, stamp.id);
    }
    proofs_.add(begun, check.covered_begin, check.covered_end, read);
  }
  return check;
}

// Those that WAL of [begin, end) was read from.
OpenedFiles Segments::of_segments(const OpenedFiles& files, Lsn begin, Lsn end) const {
  const SegmentSize size = identity_.segment_size;
  return {files.lower_bound(size.segment_of(begin)), files.upper_bound(size.segment_of(end - 1))};
}

bool Segments::is_current(const Segment& segment) const {
  return Segment::find(directory_.segment_path(segment.timeline(), segment.no(),
                                               identity_.segment_size)) == segment.id();
}

void Segments::forget(SegmentNo no) {
  faults_.forget(no);
  proofs_.forget(no, identity_.segment_size);
  wrong_records_.forget(no);
  opened_files_.forget(no);
  walked_files_.forget(no);
  const runtime::Lock lock(mutex_);
  open_.erase(no);
}

std::uint64_t Segments::proofs_for_test() const {
  const runtime::Lock lock(mutex_);
  return proofs_made_;
}

std::string Segments::path_of(const Timelines& timelines, SegmentNo no) const {
  const TimelineId timeline = timelines.history.file_timeline(no, identity_.segment_size);
  return directory_.segment_path(timeline, no, identity_.segment_size);
}

runtime::Error Segments::open_error(runtime::Error error, TimelineId timeline, SegmentNo no) const {
  if (error.kind != &runtime::kFileMissing) return error;
  return segment_removed(timeline, no, identity_.segment_size);
}

}  // namespace server::wal

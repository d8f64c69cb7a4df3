#include "server/wal/segments.h"

#include <algorithm>
#include <array>
#include <utility>

#include "runtime/errors.h"
#include "server/wal/checker.h"
#include "server/wal/names.h"
#include "server/wal/pages.h"

namespace server::wal {

namespace {

runtime::Error too_short(const Segment& segment, std::uint32_t offset, std::size_t read,
                         std::size_t wanted) {
  return {.kind = &kWalTruncated,
          .what = runtime::format("could not read from log segment {}, offset {}: read {} of {}",
                                  segment.name(), offset, read, wanted)};
}

// Brings a slice that was proven before into the page cache.
runtime::Result<void> warm(const Segment& segment, std::uint32_t offset, std::uint32_t bytes) {
  std::array<std::byte, 64 * 1024> buffer;
  for (std::uint32_t done = 0; done < bytes;) {
    const std::size_t wanted = std::min<std::size_t>(buffer.size(), bytes - done);
    const std::size_t read = TRY(segment.read(offset + done, std::span(buffer).first(wanted)));
    if (read < wanted) return too_short(segment, offset + done, read, wanted);
    done += static_cast<std::uint32_t>(wanted);
  }
  return {};
}

}  // namespace

runtime::Error segment_removed(TimelineId timeline, SegmentNo no, SegmentSize size) {
  return {.kind = &kWalRemoved,
          .what = runtime::format("requested WAL segment {} has already been removed",
                                  segment_name(timeline, no, size))};
}

runtime::Result<SegmentRef> Segments::open(const Timelines& timelines, Lsn lsn) {
  const SegmentNo no = identity_.segment_size.segment_of(lsn);
  const TimelineId timeline = timelines.history.file_timeline(no, identity_.segment_size);
  auto opened = Segment::open(path_of(timelines, no), timeline, no, identity_.segment_size);
  if (!opened) return open_error(std::move(opened).error(), timeline, no);
  const runtime::Lock lock(mutex_);
  std::erase_if(open_, [](const auto& entry) { return entry.second.expired(); });
  std::weak_ptr<Segment>& known = open_[no];
  const SegmentRef earlier = known.lock();
  // What is found by its name is the one that is open already only if it is the same file.
  if (earlier != nullptr && earlier->timeline() == timeline && earlier->id() == (*opened)->id()) {
    return earlier;
  }
  known = *opened;
  return std::move(opened).value();
}

runtime::Result<PreparedSlice> Segments::prepare(const Timelines& timelines, SegmentRef segment,
                                                 Lsn lsn, Lsn wal_end) {
  const std::uint32_t slice = identity_.segment_size.offset(lsn) / kSliceBytes;
  const Lsn begin = segment->begin() + std::uint64_t{slice} * kSliceBytes;
  const Lsn end = std::min(begin + kSliceBytes, wal_end);
  const auto offset = identity_.segment_size.offset(begin);
  const auto bytes = static_cast<std::uint32_t>(end - begin);
  if (segment->is_proven(slice)) {
    TRY(warm(*segment, offset, bytes));
    return PreparedSlice{std::move(segment), end, false};
  }
  const std::uint32_t generation = segment->generation();
  FilePages pages(directory_.path(), timelines.history, identity_.segment_size);
  RangeCheck check = check_range(pages, identity_, begin, end);
  if (check.problem.has_value()) {
    // It may be a neighbour's: records cross into the next segment, and begin in the one before.
    const SegmentNo unread = identity_.segment_size.segment_of(check.fault->lsn);
    return open_error(std::move(*check.problem),
                      timelines.history.file_timeline(unread, identity_.segment_size), unread);
  }
  if (Segment::find(path_of(timelines, segment->no())) != segment->id()) {
    return PreparedSlice{TRY(open(timelines, lsn)), begin, false};
  }
  if (check.fault.has_value()) {
    if (check.fault->kind == FaultKind::kShortFile) TRY(warm(*segment, offset, bytes));
    const SegmentNo bad = identity_.segment_size.segment_of(check.fault->lsn);
    faults_.report(*check.fault, timelines.history.file_timeline(bad, identity_.segment_size));
  } else if (end == begin + kSliceBytes) {
    segment->set_proven(slice, generation);
  }
  return PreparedSlice{std::move(segment), check.proven_to, check.fault.has_value()};
}

bool Segments::is_current(const Segment& segment) const {
  return Segment::find(directory_.segment_path(segment.timeline(), segment.no(),
                                               identity_.segment_size)) == segment.id();
}

void Segments::forget(SegmentNo no) {
  faults_.forget(no);
  const runtime::Lock lock(mutex_);
  const auto found = open_.find(no);
  if (found == open_.end()) return;
  if (const SegmentRef segment = found->second.lock()) segment->forget_proofs();
  open_.erase(found);
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

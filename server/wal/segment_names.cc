#include "server/wal/segment_names.h"

#include <algorithm>
#include <cstdint>
#include <tuple>

namespace server::wal {

namespace {

std::tuple<TimelineId, std::uint32_t, std::uint32_t> key(const FileName& name) {
  return {name.timeline, name.log, name.seg};
}

// A .partial is read only where there is no whole segment.
bool newer(const FileName& a, const FileName& b) {
  return key(a) != key(b) ? key(a) > key(b) : a.kind < b.kind;
}

}  // namespace

runtime::Result<SegmentNames> SegmentNames::list(const Directory& directory) {
  SegmentNames names{TRY(directory.list())};
  std::erase_if(names.segments_,
                [](const FileName& name) { return name.kind == FileName::Kind::kHistory; });
  std::sort(names.segments_.begin(), names.segments_.end(), newer);
  return names;
}

void SegmentNames::narrow(const SegmentBounds& bounds) {
  std::erase_if(segments_, [&bounds](const FileName& name) {
    const auto no = name.segment(bounds.size);
    return !no || *no < bounds.from || (bounds.before && *no >= *bounds.before);
  });
}

std::set<TimelineId> SegmentNames::timelines() const {
  std::set<TimelineId> all;
  for (const FileName& name : segments_) all.insert(all.begin(), name.timeline);
  return all;
}

std::span<const FileName> SegmentNames::of(TimelineId timeline) const {
  const auto is_newer = [](const FileName& name, TimelineId than) { return name.timeline > than; };
  const auto is_older = [](TimelineId than, const FileName& name) { return than > name.timeline; };
  const auto begin = std::lower_bound(segments_.begin(), segments_.end(), timeline, is_newer);
  return {begin, std::upper_bound(begin, segments_.end(), timeline, is_older)};
}

const FileName* SegmentNames::find(TimelineId timeline, SegmentNo no, SegmentSize size) const {
  const std::uint64_t per_log = (std::uint64_t{1} << 32) / size.bytes();
  const FileName wanted{.timeline = timeline,
                        .log = static_cast<std::uint32_t>(value(no) / per_log),
                        .seg = static_cast<std::uint32_t>(value(no) % per_log)};
  const auto found = std::lower_bound(segments_.begin(), segments_.end(), wanted, newer);
  return found != segments_.end() && key(*found) == key(wanted) ? &*found : nullptr;
}

}  // namespace server::wal

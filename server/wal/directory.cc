#include "server/wal/directory.h"

#include <algorithm>
#include <utility>

#include "runtime/errors.h"
#include "runtime/file.h"
#include "runtime/format.h"

namespace server::wal {

using runtime::format;
using runtime::Result;

runtime::Result<runtime::UniqueFd> open_segment_file(const std::string& path) {
  const auto is_missing = [](const auto& file) {
    return !file && file.error().kind == &runtime::kFileMissing;
  };
  auto file = runtime::open_for_reading(path);
  if (is_missing(file)) file = runtime::open_for_reading(path + std::string(kPartialSuffix));
  // pg_receivewal may have renamed the file between the two looks.
  if (is_missing(file)) file = runtime::open_for_reading(path);
  return file;
}

std::string Directory::path_of(const FileName& name) const {
  return format("{}/{}", path_, file_name(name));
}

std::string Directory::segment_path(TimelineId timeline, SegmentNo no, SegmentSize size) const {
  return format("{}/{}", path_, segment_name(timeline, no, size));
}

std::string Directory::history_path(TimelineId timeline) const {
  return format("{}/{}", path_, history_name(timeline));
}

Result<std::vector<FileName>> Directory::list() const {
  std::vector<FileName> names;
  for (const std::string& entry : TRY(runtime::list_directory(path_))) {
    if (const auto name = parse_file_name(entry)) names.push_back(*name);
  }
  return names;
}

Result<std::vector<Directory::SegmentFile>> Directory::segments(SegmentSize size) const {
  std::vector<SegmentFile> found;
  for (const FileName& name : TRY(list())) {
    if (name.kind != FileName::Kind::kSegment) continue;
    if (const auto no = name.segment(size)) found.push_back({name.timeline, *no});
  }
  return found;
}

Result<std::optional<SegmentNo>> Directory::oldest_segment(SegmentSize size) const {
  std::optional<SegmentNo> oldest;
  for (const SegmentFile& file : TRY(segments(size))) {
    oldest = std::min(oldest.value_or(file.no), file.no);
  }
  return oldest;
}

Result<void> Directory::remove_segments_before(
    SegmentNo keep_from, SegmentSize size, const std::function<void(SegmentNo)>& on_removed) const {
  std::vector<SegmentFile> old = TRY(segments(size));
  std::erase_if(old, [keep_from](const SegmentFile& file) { return file.no >= keep_from; });
  std::sort(old.begin(), old.end(),
            [](const SegmentFile& a, const SegmentFile& b) { return a.no < b.no; });
  for (const SegmentFile& file : old) {
    TRY(remove_segment(file.timeline, file.no, size));
    on_removed(file.no);
  }
  return {};
}

Result<void> Directory::remove_segment(TimelineId timeline, SegmentNo no, SegmentSize size) const {
  return runtime::unlink_file(segment_path(timeline, no, size));
}

Result<std::optional<std::string>> Directory::read_history(TimelineId timeline) const {
  auto text = runtime::read_text(history_path(timeline), kHistoryBytesMax);
  if (text) return std::optional(std::move(text).value());
  if (text.error().kind == &runtime::kFileMissing) return std::optional<std::string>();
  return std::move(text).error();
}

Result<HistoryFiles> Directory::read_histories() const {
  HistoryFiles files;
  for (const FileName& name : TRY(list())) {
    if (name.kind != FileName::Kind::kHistory) continue;
    auto text = TRY(read_history(name.timeline));
    if (text) files.emplace(name.timeline, *std::move(text));
  }
  return files;
}

Result<void> Directory::sync() const {
  for (const FileName& name : TRY(list())) TRY(runtime::sync_path(path_of(name)));
  return runtime::sync_path(path_);
}

}  // namespace server::wal

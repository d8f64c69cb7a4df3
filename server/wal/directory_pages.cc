#include "server/wal/directory_pages.h"

#include <algorithm>
#include <utility>

#include "server/wal/names.h"

namespace server::wal {

// Of a cluster's very first position there is nothing before.
void DirectoryPages::begin(const TimelineHistory& history, Lsn position) {
  opened_.clear();
  files_.emplace(directory_, history, segment_size_, &opened_);
  if (!position.valid()) return;
  end_segment_ = segment_size_.segment_of(position - 1);
  end_file_ = find_file(end_segment_);
  note_files(end_segment_, end_segment_);
}

void DirectoryPages::look_again() {
  files_->forget();
  opened_.clear();
}

bool DirectoryPages::have_changed() const {
  return std::any_of(opened_.begin(), opened_.end(), [this](const auto& file) {
    return Segment::look(path_of(file.first)) != file.second;
  });
}

// A program that copies a growing directory may put a longer file in the place of a shorter one. A
// loop that has the shorter one open must not look for this WAL in it. Files are told apart after
// they were read, and before a loop is told to look for this WAL.
bool DirectoryPages::file_was_replaced(Lsn begin, Lsn end) {
  const SegmentNo first = segment_size_.segment_of(begin);
  const bool replaced =
      end_file_.has_value() && first == end_segment_ && find_file(first) != end_file_;
  opened_.erase(opened_.begin(), opened_.lower_bound(segment_size_.segment_of(end)));
  const SegmentNo last = segment_size_.segment_of(end - 1);
  const std::optional<FileId> file = find_file(last);
  // The file that is left behind is noted once more, with what it is like now that it is full.
  if (last != end_segment_ || file != end_file_) {
    note_files(end_file_.has_value() ? std::min(first, end_segment_) : first, last);
  }
  end_segment_ = last;
  end_file_ = file;
  return replaced;
}

void DirectoryPages::note_files(SegmentNo first, SegmentNo last) {
  if (walked_ == nullptr) return;
  for (SegmentNo no = first; no <= last; no = next(no)) {
    if (const auto stamp = Segment::look(path_of(no))) walked_->note(no, *stamp);
  }
}

std::string DirectoryPages::path_of(SegmentNo no) const {
  return directory_ + "/" + segment_name(file_timeline(no), no, segment_size_);
}

}  // namespace server::wal

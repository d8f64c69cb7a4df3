#pragma once

#include <optional>
#include <string>

#include "server/wal/file_stamps.h"
#include "server/wal/growing_pages.h"
#include "server/wal/segment.h"

namespace server::wal {

// The pages of a directory in which another program writes.
//   Owner: the source that owns the Reader.  Thread: the source's; blocks on files.
//   Invariant: end_file_ is the file in which the WAL that was published last ends.
class DirectoryPages final : public GrowingPages {
 public:
  // `walked`, if there is one, gets the file of each segment that WAL was published of.
  DirectoryPages(std::string directory, SegmentSize segment_size, FileStamps* walked = nullptr)
      : directory_(std::move(directory)), segment_size_(segment_size), walked_(walked) {}

  void begin(const TimelineHistory& history, Lsn position) override;
  void look_again() override;
  bool file_was_replaced(Lsn begin, Lsn end) override;
  bool have_changed() const override;
  PageView page(Lsn page) override { return files_->page(page); }
  TimelineId file_timeline(SegmentNo no) const override { return files_->file_timeline(no); }

 private:
  std::string path_of(SegmentNo no) const;
  std::optional<FileId> find_file(SegmentNo no) const { return Segment::find(path_of(no)); }
  void note_files(SegmentNo first, SegmentNo last);

  const std::string directory_;
  const SegmentSize segment_size_;
  FileStamps* const walked_;
  OpenedFiles opened_;  // since look_again(), of what is not published
  std::optional<FilePages> files_;
  SegmentNo end_segment_{};
  std::optional<FileId> end_file_;
};

}  // namespace server::wal

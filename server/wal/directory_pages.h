#pragma once

#include <optional>
#include <string>

#include "server/wal/growing_pages.h"
#include "server/wal/segment.h"

namespace server::wal {

// The pages of a directory in which another program writes.
//   Owner: the source that owns the Reader.  Thread: the source's; blocks on files.
//   Invariant: end_file_ is the file in which the WAL that was published last ends.
class DirectoryPages final : public GrowingPages {
 public:
  DirectoryPages(std::string directory, SegmentSize segment_size)
      : directory_(std::move(directory)), segment_size_(segment_size) {}

  void begin(const TimelineHistory& history, Lsn position) override;
  void look_again() override { files_->forget(); }
  bool file_was_replaced(Lsn begin, Lsn end) override;
  PageView page(Lsn page) override { return files_->page(page); }
  TimelineId file_timeline(SegmentNo no) const override { return files_->file_timeline(no); }

 private:
  std::optional<FileId> find_file(SegmentNo no) const;

  const std::string directory_;
  const SegmentSize segment_size_;
  std::optional<FilePages> files_;
  SegmentNo end_segment_{};
  std::optional<FileId> end_file_;
};

}  // namespace server::wal

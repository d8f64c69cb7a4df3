#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "runtime/fd.h"
#include "runtime/result.h"
#include "server/wal/directory.h"
#include "server/wal/lsn.h"
#include "server/wal/segment.h"
#include "server/wal/timeline.h"

namespace server::wal {

// The bytes of one page, as far as they exist: fewer than kPageBytes where a file ends there, none
// if there is a problem.
struct PageView {
  std::span<const std::byte> bytes;
  std::optional<runtime::Error> problem = {};
};

// Where a reader gets its pages from.
class PageSource {
 public:
  virtual ~PageSource() = default;

  // The view is valid until the next call. REQUIRES: page is the start of a page.
  virtual PageView page(Lsn page) = 0;

  // The timeline in the name of the file that holds a segment: no page in it is of a later one.
  virtual TimelineId file_timeline(SegmentNo no) const = 0;

  // Whether a byte that was seen once stays what it was. If not, a record that has grown is read
  // from its begin again.
  virtual bool bytes_are_final() const { return false; }
};

// The files of some segments, as each was when it was opened first: FileStamp() if it has become
// another since.
using OpenedFiles = std::map<SegmentNo, FileStamp>;

// The pages of a directory along one history, from the oldest segment to the tip's end.
//   Owner: one reader.  Thread: the owner's; page() blocks on files.
//   Invariant: the window holds the file's bytes from window_begin_ on, as they were when read.
//   Limits: one open file, one window of kWindowBytesMax. Files are read, never mapped: another
//   process may truncate them at any time.
class FilePages final : public PageSource {
 public:
  static constexpr std::size_t kWindowBytesMin = 2 * kPageBytes;
  static constexpr std::size_t kWindowBytesMax = 256 * 1024;

  // `opened`, if there is one, gets the file of each segment that is opened.
  FilePages(std::string directory, TimelineHistory history, SegmentSize segment_size,
            OpenedFiles* opened = nullptr);

  // A problem is kFileMissing if there is neither the segment nor its .partial.
  PageView page(Lsn page) override;
  TimelineId file_timeline(SegmentNo no) const override {
    return history_.file_timeline(no, segment_size_);
  }

  // Drops what was read and closes the file, so that grown and replaced files are seen.
  void forget();

 private:
  bool in_window(Lsn page) const;
  std::optional<runtime::Error> read_window(Lsn page);
  std::optional<runtime::Error> open_segment(SegmentNo no);
  void place_window(Lsn page);
  std::optional<runtime::Error> fill_window();

  const Directory directory_;
  const TimelineHistory history_;
  const SegmentSize segment_size_;
  OpenedFiles* const opened_;

  runtime::UniqueFd file_;
  std::string path_;  // of file_
  SegmentNo segment_{};

  std::vector<std::byte> window_;
  Lsn window_begin_;
  std::size_t window_span_ = 0;  // how far it was meant to reach
  std::size_t window_size_ = 0;  // how far it does: less at a file's end
};

}  // namespace server::wal

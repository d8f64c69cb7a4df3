#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "runtime/fd.h"
#include "runtime/result.h"
#include "server/wal/lsn.h"

namespace server::wal {

// WAL is checked, read ahead and handed to senders in slices of this size; every segment size is a
// multiple of it.
inline constexpr std::uint32_t kSliceBytes = 1u << 20;
static_assert(SegmentSize::is_valid(kSliceBytes) && !SegmentSize::is_valid(kSliceBytes / 2),
              "segment sizes are powers of two, and the smallest of them is a slice");

// Which file it is, whatever name it goes by. As long as the file is open, no other has its id.
struct FileId {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;

  friend bool operator==(const FileId&, const FileId&) = default;
};

// The same with what changes when the file is written to.
struct FileStamp {
  FileId id;
  std::uint64_t size = 0;
  std::int64_t written_ns = 0;  // when, since 1970

  friend bool operator==(const FileStamp&, const FileStamp&) = default;
};

// The stamp of an open file.
runtime::Result<FileStamp> file_stamp(const runtime::UniqueFd& file, const std::string& path);

// An open segment file.
//   Owner: shared by the loops and jobs that use it; closed by the last.  Thread: any.
//   Invariant: a file that is renamed stays this Segment, a file that takes its name is another
//   one.
class Segment {
 public:
  // Opens `path`, or `path`.partial if there is no such file. Blocks.
  static runtime::Result<std::shared_ptr<Segment>> open(const std::string& path,
                                                        TimelineId timeline, SegmentNo no,
                                                        SegmentSize size);
  // The file that open() would open now; none if there is none. Blocks.
  static std::optional<FileId> find(const std::string& path);
  static std::optional<FileStamp> look(const std::string& path);
  ~Segment();
  Segment(const Segment&) = delete;
  Segment& operator=(const Segment&) = delete;

  // The timeline in the file's name; the bytes before a fork in it are its parent's.
  TimelineId timeline() const { return timeline_; }
  SegmentNo no() const { return no_; }
  Lsn begin() const { return size_.start(no_); }
  Lsn end() const { return size_.end(no_); }
  int fd() const { return fd_.get(); }
  const FileId& id() const { return stamp_.id; }
  // As the file was when it was opened.
  const FileStamp& stamp() const { return stamp_; }
  std::string name() const;

  // Reads from `offset` on; fewer bytes than asked for only at the end of the file.
  runtime::Result<std::size_t> read(std::uint32_t offset, std::span<std::byte> into) const;

  // Whether all pages of the range are in the page cache, so that sendfile will not block: yes
  // where that cannot be known. REQUIRES: the range begins at a page of memory and is at most a
  // slice.
  bool is_resident(std::uint32_t offset, std::uint32_t bytes) const {
    return are_pages_cached(offset, bytes).value_or(true);
  }
  // The same, and the file reaches so far: no where either cannot be known. The kernel tells a
  // file's owner which pages are cached, and others, unless they may write it, that all are
  // (mincore(2)).
  bool is_known_resident(std::uint32_t offset, std::uint32_t bytes) const;

 private:
  Segment(runtime::UniqueFd fd, const FileStamp& stamp, TimelineId timeline, SegmentNo no,
          SegmentSize size);
  std::optional<bool> are_pages_cached(std::uint32_t offset, std::uint32_t bytes) const;

  const runtime::UniqueFd fd_;
  const FileStamp stamp_;
  const TimelineId timeline_;
  const SegmentNo no_;
  const SegmentSize size_;
  // Only mincore() is asked about it, and it is never read: a truncated file would end the process.
  void* map_;
};

using SegmentRef = std::shared_ptr<Segment>;

}  // namespace server::wal

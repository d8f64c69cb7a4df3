#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "runtime/annotations.h"
#include "runtime/fd.h"
#include "runtime/mutex.h"
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

// An open segment file.
//   Owner: shared by the loops and jobs that use it; closed by the last.  Thread: any.
//   Invariant: a file that is renamed stays this Segment, a file that takes its name is another
//   one. Which slices have been proven is remembered here, and is forgotten together with the file.
//   A slice that was proven in an earlier generation of the file's bytes is not proven.
class Segment {
 public:
  // Opens `path`, or `path`.partial if there is no such file. Blocks.
  static runtime::Result<std::shared_ptr<Segment>> open(const std::string& path,
                                                        TimelineId timeline, SegmentNo no,
                                                        SegmentSize size);
  // The file that open() would open now; none if there is none. Blocks.
  static std::optional<FileId> find(const std::string& path);
  ~Segment();
  Segment(const Segment&) = delete;
  Segment& operator=(const Segment&) = delete;

  // The timeline in the file's name; the bytes before a fork in it are its parent's.
  TimelineId timeline() const { return timeline_; }
  SegmentNo no() const { return no_; }
  Lsn begin() const { return size_.start(no_); }
  Lsn end() const { return size_.end(no_); }
  int fd() const { return fd_.get(); }
  const FileId& id() const { return id_; }
  std::string name() const;

  // Reads from `offset` on; fewer bytes than asked for only at the end of the file.
  runtime::Result<std::size_t> read(std::uint32_t offset, std::span<std::byte> into) const;

  // Whether all pages of the range are in the page cache, so that sendfile will not block. The
  // kernel answers truly only to a file's owner and to users that may write it, and says yes to all
  // others. REQUIRES: the range begins at a page of memory and is at most a slice.
  bool is_resident(std::uint32_t offset, std::uint32_t bytes) const;

  bool is_proven(std::uint32_t slice) const EXCLUDES(mutex_);
  std::uint32_t generation() const EXCLUDES(mutex_);
  // No effect if the generation is over.
  void set_proven(std::uint32_t slice, std::uint32_t generation) EXCLUDES(mutex_);
  // The file's bytes have changed in place: a new generation, of which nothing is proven.
  void forget_proofs() EXCLUDES(mutex_);

 private:
  Segment(runtime::UniqueFd fd, const FileId& id, TimelineId timeline, SegmentNo no,
          SegmentSize size);

  const runtime::UniqueFd fd_;
  const FileId id_;
  const TimelineId timeline_;
  const SegmentNo no_;
  const SegmentSize size_;
  // Only mincore() is asked about it, and it is never read: a truncated file would end the process.
  void* map_;
  mutable runtime::Mutex mutex_;
  std::vector<bool> proven_ GUARDED_BY(mutex_);
  std::uint32_t generation_ GUARDED_BY(mutex_) = 0;
};

using SegmentRef = std::shared_ptr<Segment>;

}  // namespace server::wal

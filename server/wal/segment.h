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

// Which file it is, whatever name it goes by. As long as somebody has it open, no other is the
// same.
struct FileId {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;

  friend bool operator==(const FileId&, const FileId&) = default;
};

// An open segment file.
//   Owner: shared by those that send from it; closed by the last.  Thread: any.
//   Invariant: what it was opened as never changes: a file that is renamed stays this one, a file
//   put in its place is another Segment. Which slices have been proven is remembered here, so that
//   it is forgotten together with the file.
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
  // kernel tells this only to the owner of a file or who may write it, and says yes to others.
  bool is_resident(std::uint32_t offset, std::uint32_t bytes) const;

  bool is_proven(std::uint32_t slice) const EXCLUDES(mutex_);
  // What was proven of an earlier generation of the file's bytes proves nothing now.
  std::uint32_t generation() const EXCLUDES(mutex_);
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
  void* map_;  // never read: only mincore() asks about it, so a truncated file cannot hurt
  mutable runtime::Mutex mutex_;
  std::vector<bool> proven_ GUARDED_BY(mutex_);
  std::uint32_t generation_ GUARDED_BY(mutex_) = 0;
};

using SegmentRef = std::shared_ptr<Segment>;

}  // namespace server::wal

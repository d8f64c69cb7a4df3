#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>

#include "bench/walbench/login.h"
#include "runtime/result.h"
#include "server/wal/lsn.h"

namespace bench::walbench {

// Compares WAL that has come over the wire with the segment files of a directory, which it maps, so
// that a comparison is one memcmp. A file that another has replaced is noticed when bytes differ.
//   Owner: Worker.  Thread: the owner's; a comparison may block on a cold page.
//   Limits: kFilesMax files are open and mapped. A file may be cut short between two comparisons,
//   but not within one: a mapping that reaches into what is gone is a SIGBUS.
class Verifier {
 public:
  static constexpr std::size_t kFilesMax = 128;

  explicit Verifier(std::string directory);
  ~Verifier();
  Verifier(const Verifier&) = delete;
  Verifier& operator=(const Verifier&) = delete;

  // Whether the stream's bytes from `lsn` on are those of the directory. Fails by kMismatch or
  // kNothingToCompare.
  runtime::Result<void> compare(const StreamPlan& stream, server::wal::Lsn lsn,
                                std::span<const std::byte> bytes);

 private:
  struct Key {
    server::wal::TimelineId timeline;
    server::wal::SegmentNo no;
    friend auto operator<=>(const Key&, const Key&) = default;
  };
  class MappedFile;
  struct Entry {
    std::unique_ptr<MappedFile> file;
    std::uint64_t last_use;
  };

  // The part of one segment that lies in it. REQUIRES: bytes do not reach into the next segment.
  runtime::Result<void> compare_in_segment(const StreamPlan& stream, server::wal::Lsn lsn,
                                           std::span<const std::byte> bytes);
  // Valid until the next call. `again` opens it anew.
  runtime::Result<MappedFile*> file_of(const StreamPlan& stream, server::wal::SegmentNo no,
                                       bool again);
  runtime::Result<std::unique_ptr<MappedFile>> open(const StreamPlan& stream,
                                                    server::wal::SegmentNo no) const;
  void make_room();

  const std::string directory_;
  std::map<Key, Entry> files_;
  std::uint64_t uses_ = 0;
};

}  // namespace bench::walbench

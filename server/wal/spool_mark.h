#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "runtime/fd.h"
#include "runtime/result.h"
#include "server/wal/lsn.h"

namespace server::wal {

// What writes the WAL of a spool.
enum class SpoolWriter : std::uint32_t { kReceiver = 1, kGenerator = 2 };

// What a spool's mark says.
struct SpoolMarkContent {
  SpoolWriter writer = SpoolWriter::kReceiver;
  std::uint64_t system_identifier = 0;
  // The spool has all of its WAL from here on, a segment's begin; what lies before may have been
  // removed. Invalid if that is not known.
  Lsn kept_from = {};
  // A record ends here, and all WAL of the spool before this is on disk for sure; invalid if
  // nothing is known to be.
  Lsn kept_to = {};

  friend bool operator==(const SpoolMarkContent&, const SpoolMarkContent&) = default;
};

// The file by which walcast knows a directory for a spool that it has made, `walcast.spool`. A
// directory without it is of some other program, and none of walcast's to write or to remove from.
//
//     block 0   the content, its turn and a checksum
//     block 1   the same of the turn before, or of the one behind
//
// A new content goes into the block of the older one, so a write that power cuts off leaves the
// newer one, and takes no new room of the disk. It is one write and one sync of a small file.
//   Owner: Spool.  Thread: one at a time.
//   Invariant: kept_from and kept_to move forward only.
class SpoolMark {
 public:
  static constexpr std::string_view kFileName = "walcast.spool";
  // As large as the sectors of a disk come, which are written whole or destroyed whole.
  static constexpr std::size_t kBlockBytes = 4096;
  static constexpr std::size_t kFileBytes = 2 * kBlockBytes;

  // Makes the mark of a directory, or replaces it, durably. All of these block.
  static runtime::Result<SpoolMark> create(const std::string& directory,
                                           const SpoolMarkContent& content);
  // None if there is no such file; one of which neither block can be read is an error.
  static runtime::Result<std::optional<SpoolMark>> open(const std::string& directory);

  const SpoolMarkContent& content() const { return content_; }

  // WAL is kept from `from` on and on disk up to `to`, durably said when this returns. A bound that
  // would move back, or is invalid, stays where it is. After a failure either is said.
  runtime::Result<void> keep(Lsn from, Lsn to);

 private:
  SpoolMark(std::string path, runtime::UniqueFd file, SpoolMarkContent content, std::uint64_t turn)
      : path_(std::move(path)), file_(std::move(file)), content_(content), turn_(turn) {}

  runtime::Result<void> write(const SpoolMarkContent& content);

  std::string path_;
  runtime::UniqueFd file_;
  SpoolMarkContent content_;
  std::uint64_t turn_;
};

}  // namespace server::wal

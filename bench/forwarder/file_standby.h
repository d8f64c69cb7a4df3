#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include "bench/forwarder/dialogue.h"
#include "runtime/fd.h"
#include "runtime/result.h"
#include "server/wal/lsn.h"
#include "server/wire/replication.h"

namespace bench::forwarder {

// A directory of whole segments of one timeline, as it was when it was looked at.
struct Archive {
  // Blocks. An error if there is no WAL in it.
  static runtime::Result<Archive> open(const std::string& directory);

  // The segment's file. REQUIRES: begin <= lsn < end. Invalid if it is gone.
  runtime::UniqueFd file_of(server::wal::Lsn lsn) const;

  std::string directory;
  Facts facts;
  server::wal::TimelineId timeline{};
  server::wal::SegmentSize segment_size;
  server::wal::Lsn begin;
  server::wal::Lsn end;
};

// A standby that gets the bytes of files, by sendfile, as fast as it takes them. Nothing is proven.
//   Owner: the loop.  Thread: the loop's.
//   Borrows: the archive.
//   Invariant: at most one message is on its way; what else is to be said waits for its end.
class FileStandby final : public Dialogue {
 public:
  // REQUIRES: the socket does not block.
  FileStandby(runtime::UniqueFd connection, const Archive& archive)
      : Dialogue(std::move(connection), archive.facts), archive_(archive) {}

  // Whether there is something to send when the socket has room.
  bool has_work() const { return streams() && (is_ending_ || is_asked_ || at_ < archive_.end); }
  // Sends until the socket is full or others are due. False when the standby is gone.
  bool on_writable();

 private:
  static constexpr std::size_t kMessageBytesMax = 128 * 1024;  // MAX_SEND_SIZE of walsender.c
  static constexpr std::size_t kTurnBytesMax = 1 << 20;

  server::wal::Lsn end() const override { return archive_.end; }
  bool has(server::wal::Lsn from) const override {
    return archive_.begin <= from && from <= archive_.end;
  }
  bool on_start(server::wal::Lsn from) override;
  bool on_question() override;
  bool on_copy_done() override;

  // What can be done between two messages. False when the standby is gone.
  bool begin_message();
  bool open_segment();

  const Archive& archive_;
  runtime::UniqueFd file_;  // of the segment in which at_ lies
  server::wal::Lsn at_;     // what was sent ends here
  bool is_asked_ = false;
  bool is_ending_ = false;
  // Of the message on its way.
  std::array<std::byte, server::wire::kXLogDataHeaderBytes> header_{};
  std::size_t header_left_ = 0;
  std::size_t wal_left_ = 0;
};

}  // namespace bench::forwarder

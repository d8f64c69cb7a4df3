#pragma once

// A trace: when how much WAL came from a server, and nothing of the WAL itself. `walbench record`
// writes one, and the synthetic source makes WAL in its rhythm.
//
//     TraceHeader   40 bytes
//     blocks        each a TraceBlockHeader and up to kTraceBlockBytesMax of payload: for each
//                   message the microseconds since the one before it, and its bytes of WAL
//     the end       a block of no messages: of all messages their number, their bytes, and how long
//                   the trace is in microseconds
//
// Numbers in a payload are varints: seven bits a byte, the low ones first, and the high bit set in
// all bytes but the last. All else is little-endian. Each block has a checksum, and a file without
// its end is not whole, so that neither a crash nor a copy that was cut off goes unseen.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/clock.h"
#include "runtime/fd.h"
#include "runtime/result.h"

namespace server::wal {

inline constexpr std::uint32_t kTraceVersion = 1;
inline constexpr std::uint32_t kTraceBlockBytesMax = 64 * 1024;
inline constexpr std::uint64_t kTraceMessageBytesMax = 1 << 30;

// The file is none, of another version, cut off or damaged; the error names it, and where.
inline constexpr runtime::ErrorKind kInvalidTrace{"invalid_trace", "22023"};

// What is known of the server whose WAL it was.
struct TraceOrigin {
  std::uint32_t server_major = 0;  // of PostgreSQL's version; 0: the server has not said
  std::uint32_t segment_bytes = 0;
  std::uint32_t begin_offset = 0;  // in its segment, of the first byte
  runtime::WallMicros begun = 0;
};

struct TraceMessage {
  runtime::Duration at{};   // since the trace's begin
  std::uint64_t bytes = 0;  // of WAL
};

struct TraceTotals {
  std::uint64_t messages = 0;
  std::uint64_t bytes = 0;
  runtime::Duration duration{};  // no shorter than the last message's time
};

// Writes a trace, block by block.
//   Owner: the recorder.  Thread: the owner's; blocks on the disk.
//   Limits: one block in memory.
class TraceWriter {
 public:
  // A file that is there loses what it has.
  static runtime::Result<std::unique_ptr<TraceWriter>> create(const std::string& path,
                                                              const TraceOrigin& origin);

  // A message that came before the one in front of it, by a clock that was set back, came with it.
  // REQUIRES: its bytes are no more than kTraceMessageBytesMax.
  runtime::Result<void> add(const TraceMessage& message);
  // Ends the trace. The file is no trace before.
  runtime::Result<void> finish(runtime::Duration duration);

  const TraceTotals& totals() const { return totals_; }

 private:
  TraceWriter(std::string path, runtime::UniqueFd file)
      : path_(std::move(path)), file_(std::move(file)) {}

  runtime::Result<void> write_block();
  runtime::Result<void> write(const std::vector<std::byte>& bytes);

  const std::string path_;
  const runtime::UniqueFd file_;
  std::uint64_t file_bytes_ = 0;
  std::vector<std::byte> payload_;
  std::uint32_t messages_ = 0;     // in the payload
  std::uint64_t last_micros_ = 0;  // since the begin, of the last message
  TraceTotals totals_;             // its duration is the last message's time
};

// Reads a trace, block by block, as often as it is wanted.
//   Owner: the one that reads it.  Thread: the owner's; blocks on the disk.
//   Invariant: the file was whole when it was opened.
//   Limits: one block in memory.
class TraceReader {
 public:
  // Reads all of the file once, so that damage is found before anything relies on it.
  static runtime::Result<std::unique_ptr<TraceReader>> open(const std::string& path);

  const TraceOrigin& origin() const { return origin_; }
  const TraceTotals& totals() const { return totals_; }

  // The next message; none at the end, until rewind().
  runtime::Result<std::optional<TraceMessage>> next();
  void rewind();

 private:
  TraceReader(std::string path, runtime::UniqueFd file)
      : path_(std::move(path)), file_(std::move(file)) {}

  runtime::Result<void> read_header();
  runtime::Result<void> read_all();
  runtime::Result<void> read_block();
  runtime::Result<void> read_end();
  runtime::Result<std::uint64_t> varint();
  std::uint64_t offset() const;
  runtime::Fail damaged(std::uint64_t offset, const std::string& why) const;

  const std::string path_;
  const runtime::UniqueFd file_;
  TraceOrigin origin_;
  TraceTotals totals_;  // known once the end was read

  std::uint64_t block_ = 0;       // the offset of the block that is read
  std::uint64_t next_block_ = 0;  // and of the one behind it
  std::vector<std::byte> payload_;
  std::size_t payload_read_ = 0;
  std::uint32_t messages_left_ = 0;  // in the payload
  bool at_end_ = false;
  std::uint64_t micros_ = 0;  // since the begin, of the last message that was read
};

}  // namespace server::wal

#include "server/wal/trace.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <span>
#include <string_view>
#include <utility>

#include "runtime/check.h"
#include "runtime/file.h"
#include "runtime/format.h"
#include "server/wal/crc32c.h"

namespace server::wal {

using runtime::Duration;
using runtime::format;
using runtime::Result;

static_assert(std::endian::native == std::endian::little);

namespace {

constexpr std::array<char, 8> kMagic{'W', 'A', 'L', 'T', 'R', 'A', 'C', 'E'};

struct TraceHeader {
  std::array<char, 8> magic = kMagic;
  std::uint32_t version = kTraceVersion;
  std::uint32_t server_major = 0;
  std::uint32_t segment_bytes = 0;
  std::uint32_t begin_offset = 0;
  std::int64_t begun = 0;  // microseconds since the Unix epoch
  std::uint32_t reserved = 0;
  std::uint32_t crc = 0;  // CRC-32C of what stands before it
};
static_assert(sizeof(TraceHeader) == 40);

struct TraceBlockHeader {
  std::uint32_t bytes = 0;     // of the payload
  std::uint32_t messages = 0;  // in it; 0: it is the end
  std::uint32_t crc = 0;       // CRC-32C of what stands before it, and of the payload
};
static_assert(sizeof(TraceBlockHeader) == 12);

constexpr std::size_t kVarintBytesMax = 10;
constexpr std::size_t kMessageBytesMax = 2 * kVarintBytesMax;

template <typename Header>
std::uint32_t crc_of(const Header& header, std::span<const std::byte> payload = {}) {
  const auto bytes = std::as_bytes(std::span(&header, 1));
  return Crc32c().update(bytes.first(offsetof(Header, crc))).update(payload).value();
}

template <typename Header>
void append(std::vector<std::byte>& bytes, const Header& header) {
  const auto more = std::as_bytes(std::span(&header, 1));
  bytes.insert(bytes.end(), more.begin(), more.end());
}

void append_varint(std::vector<std::byte>& bytes, std::uint64_t number) {
  for (; number >= 0x80; number >>= 7) bytes.push_back(static_cast<std::byte>(number | 0x80));
  bytes.push_back(static_cast<std::byte>(number));
}

std::uint64_t micros(Duration duration) {
  const auto count = std::chrono::duration_cast<std::chrono::microseconds>(duration).count();
  return static_cast<std::uint64_t>(std::max<std::int64_t>(count, 0));
}

// REQUIRES: no more than kMicrosMax.
Duration from_micros(std::uint64_t count) {
  return std::chrono::microseconds(static_cast<std::int64_t>(count));
}
constexpr std::uint64_t kMicrosMax = 100ull * 365 * 86'400 * 1'000'000;  // fits into nanoseconds

std::string wrong_checksum(std::string_view of, std::uint32_t found, std::uint32_t expected) {
  return format("the checksum of a {} is wrong: it says {:08X}, and {:08X} is expected", of, found,
                expected);
}

std::vector<std::byte> block_of(const std::vector<std::byte>& payload, std::uint32_t messages) {
  TraceBlockHeader header{.bytes = static_cast<std::uint32_t>(payload.size()),
                          .messages = messages};
  header.crc = crc_of(header, payload);
  std::vector<std::byte> block;
  append(block, header);
  block.insert(block.end(), payload.begin(), payload.end());
  return block;
}

}  // namespace

Result<std::unique_ptr<TraceWriter>> TraceWriter::create(const std::string& path,
                                                         const TraceOrigin& origin) {
  auto file = TRY(runtime::open_for_writing(path, runtime::OpenMode::kEmpty));
  std::unique_ptr<TraceWriter> writer(new TraceWriter(path, std::move(file)));
  TraceHeader header{.server_major = origin.server_major,
                     .segment_bytes = origin.segment_bytes,
                     .begin_offset = origin.begin_offset,
                     .begun = origin.begun};
  header.crc = crc_of(header);
  std::vector<std::byte> bytes;
  append(bytes, header);
  TRY(writer->write(bytes));
  return writer;
}

Result<void> TraceWriter::add(const TraceMessage& message) {
  CHECK(message.bytes <= kTraceMessageBytesMax);
  const std::uint64_t at = std::max(micros(message.at), last_micros_);
  append_varint(payload_, at - std::exchange(last_micros_, at));
  append_varint(payload_, message.bytes);
  ++messages_;
  ++totals_.messages;
  totals_.bytes += message.bytes;
  totals_.duration = from_micros(at);
  if (payload_.size() + kMessageBytesMax <= kTraceBlockBytesMax) return {};
  return write_block();
}

Result<void> TraceWriter::finish(Duration duration) {
  if (messages_ > 0) TRY(write_block());
  totals_.duration = std::max(totals_.duration, from_micros(micros(duration)));
  std::vector<std::byte> totals;
  append_varint(totals, totals_.messages);
  append_varint(totals, totals_.bytes);
  append_varint(totals, micros(totals_.duration));
  TRY(write(block_of(totals, 0)));
  return runtime::sync_file(file_, path_, runtime::SyncWhat::kAll);
}

Result<void> TraceWriter::write_block() {
  TRY(write(block_of(payload_, std::exchange(messages_, 0))));
  payload_.clear();
  return {};
}

Result<void> TraceWriter::write(const std::vector<std::byte>& bytes) {
  std::span<const std::byte> left = bytes;
  while (!left.empty()) {
    const std::size_t written = TRY(runtime::write_some_at(file_, path_, file_bytes_, left));
    file_bytes_ += written;
    left = left.subspan(written);
  }
  return {};
}

runtime::Fail TraceReader::damaged(std::uint64_t offset, const std::string& why) const {
  return runtime::Fail(
      {.kind = &kInvalidTrace,
       .what = format("trace file \"{}\" is not valid at offset {}: {}", path_, offset, why)});
}

Result<std::unique_ptr<TraceReader>> TraceReader::open(const std::string& path) {
  auto file = TRY(runtime::open_for_reading(path));
  std::unique_ptr<TraceReader> reader(new TraceReader(path, std::move(file)));
  TRY(reader->read_header());
  TRY(reader->read_all());
  reader->rewind();
  return reader;
}

Result<void> TraceReader::read_header() {
  TraceHeader header;
  const std::size_t read =
      TRY(runtime::read_at(file_, path_, 0, std::as_writable_bytes(std::span(&header, 1))));
  if (read < kMagic.size() || header.magic != kMagic) {
    return damaged(0, format("it is no trace of WAL, which begins with \"{}\"",
                             std::string_view(kMagic.data(), kMagic.size())));
  }
  if (read < sizeof(header)) {
    return damaged(read,
                   format("the file ends within its header of {} bytes", sizeof(TraceHeader)));
  }
  if (header.version != kTraceVersion) {
    return damaged(
        offsetof(TraceHeader, version),
        format("it is of version {}, and version {} can be read", header.version, kTraceVersion));
  }
  if (const std::uint32_t crc = crc_of(header); header.crc != crc) {
    return damaged(0, wrong_checksum("header", header.crc, crc));
  }
  origin_ = {.server_major = header.server_major,
             .segment_bytes = header.segment_bytes,
             .begin_offset = header.begin_offset,
             .begun = header.begun};
  return {};
}

Result<void> TraceReader::read_all() {
  TraceTotals counted;
  rewind();
  for (;;) {
    const auto message = TRY(next());
    if (!message.has_value()) break;
    ++counted.messages;
    counted.bytes += message->bytes;
    counted.duration = message->at;
  }
  if (counted.messages != totals_.messages || counted.bytes != totals_.bytes ||
      counted.duration > totals_.duration) {
    return damaged(
        block_, format("the end counts {} messages of {} bytes within {} us, and there are {} of"
                       " {} within {} us",
                       totals_.messages, totals_.bytes, micros(totals_.duration), counted.messages,
                       counted.bytes, micros(counted.duration)));
  }
  return {};
}

void TraceReader::rewind() {
  block_ = next_block_ = sizeof(TraceHeader);
  payload_.clear();
  payload_read_ = 0;
  messages_left_ = 0;
  at_end_ = false;
  micros_ = 0;
}

Result<std::optional<TraceMessage>> TraceReader::next() {
  if (messages_left_ == 0 && !at_end_) TRY(read_block());
  if (at_end_) return std::optional<TraceMessage>();
  const std::uint64_t begin = offset();
  const std::uint64_t gap = TRY(varint());
  const std::uint64_t bytes = TRY(varint());
  if (gap > kMicrosMax - micros_) {
    return damaged(begin, format("a message comes {} us behind the one before, and {} at most are"
                                 " expected",
                                 gap, kMicrosMax - micros_));
  }
  if (bytes > kTraceMessageBytesMax) {
    return damaged(begin, format("a message has {} bytes of WAL, and {} at most are expected",
                                 bytes, kTraceMessageBytesMax));
  }
  micros_ += gap;
  if (--messages_left_ == 0 && payload_read_ != payload_.size()) {
    return damaged(offset(), format("a block has {} bytes behind its last message",
                                    payload_.size() - payload_read_));
  }
  return std::optional<TraceMessage>({.at = from_micros(micros_), .bytes = bytes});
}

Result<void> TraceReader::read_block() {
  block_ = next_block_;
  TraceBlockHeader header;
  const std::size_t read =
      TRY(runtime::read_at(file_, path_, block_, std::as_writable_bytes(std::span(&header, 1))));
  if (read < sizeof(header)) {
    return damaged(block_ + read,
                   format("the file ends before the trace does: the header of a block has {} bytes",
                          sizeof(header)));
  }
  if (header.bytes > kTraceBlockBytesMax) {
    return damaged(block_, format("a block has {} bytes, and {} at most are expected", header.bytes,
                                  kTraceBlockBytesMax));
  }
  payload_.resize(header.bytes);
  payload_read_ = 0;
  const std::uint64_t begin = block_ + sizeof(header);
  const std::size_t filled = TRY(runtime::read_at(file_, path_, begin, payload_));
  if (filled < header.bytes) {
    return damaged(begin + filled,
                   format("the file ends before the trace does: {} bytes more of a block are"
                          " expected",
                          header.bytes - filled));
  }
  if (const std::uint32_t crc = crc_of(header, payload_); header.crc != crc) {
    return damaged(block_, wrong_checksum("block", header.crc, crc));
  }
  next_block_ = begin + header.bytes;
  messages_left_ = header.messages;
  return header.messages == 0 ? read_end() : Result<void>();
}

Result<void> TraceReader::read_end() {
  const std::uint64_t messages = TRY(varint());
  const std::uint64_t bytes = TRY(varint());
  const std::uint64_t duration = TRY(varint());
  if (payload_read_ != payload_.size()) {
    return damaged(offset(), format("the end of the trace has {} bytes behind its three numbers",
                                    payload_.size() - payload_read_));
  }
  if (duration > kMicrosMax) {
    return damaged(block_, format("the trace is {} us long, and {} at most are expected", duration,
                                  kMicrosMax));
  }
  totals_ = {.messages = messages, .bytes = bytes, .duration = from_micros(duration)};
  std::array<std::byte, 1> more;
  if (TRY(runtime::read_at(file_, path_, next_block_, more)) > 0) {
    return damaged(next_block_,
                   "something follows the end of the trace, and the file's end is expected");
  }
  at_end_ = true;
  return {};
}

// Where the next number is.
std::uint64_t TraceReader::offset() const {
  return block_ + sizeof(TraceBlockHeader) + payload_read_;
}

Result<std::uint64_t> TraceReader::varint() {
  const std::uint64_t begin = offset();
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < kVarintBytesMax && payload_read_ < payload_.size(); ++i) {
    const auto byte = static_cast<std::uint64_t>(payload_[payload_read_++]);
    number |= (byte & 0x7F) << (7 * i);
    if (byte < 0x80) return number;
  }
  return damaged(begin, payload_read_ == payload_.size()
                            ? "a block ends where a number is expected"
                            : format("a number has more than {} bytes", kVarintBytesMax));
}

}  // namespace server::wal

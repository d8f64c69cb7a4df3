#include "bench/walbench/backend_framer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory_resource>
#include <string>
#include <string_view>
#include <vector>

#include "server/wire/codec.h"
#include "server/wire/message.h"

namespace bench::walbench {
namespace {

using server::wal::Lsn;
using Item = BackendFramer::Item;
using ByteVector = std::vector<std::byte>;

void append(ByteVector& bytes, std::span<const std::byte> more) {
  bytes.insert(bytes.end(), more.begin(), more.end());
}

ByteVector xlog_data(std::uint64_t start, std::string_view wal) {
  ByteVector bytes;
  append(bytes, server::wire::encode_xlog_data_header(start, start + 1000, 77,
                                                      static_cast<std::uint32_t>(wal.size())));
  append(bytes, std::as_bytes(std::span(wal)));
  return bytes;
}

ByteVector raw(char type, std::uint32_t length, std::string_view body = {}) {
  ByteVector bytes(5);
  bytes[0] = static_cast<std::byte>(type);
  server::wire::store_big_endian(&bytes[1], length);
  append(bytes, std::as_bytes(std::span(body)));
  return bytes;
}

// What the framer finds, as text: "w<start>+<bytes>", the WAL itself, and "<type><body bytes>".
std::string found_in(BackendFramer& framer, std::span<const std::byte> input) {
  std::string found;
  for (;;) {
    switch (framer.next(input)) {
      case Item::kNone:
        return found;
      case Item::kBroken:
        return found + "!";
      case Item::kMessage:
        found += framer.message().type + std::to_string(framer.message().body.size()) + " ";
        break;
      case Item::kWalHeader:
        found += "w" + std::to_string(framer.header().start.value()) + "+" +
                 std::to_string(framer.header().bytes) + " ";
        break;
      case Item::kWal:
        for (const std::byte b : framer.wal()) found += static_cast<char>(b);
        if (framer.wal_left() == 0) found += " ";
        break;
    }
  }
}

ByteVector some_stream() {
  server::wire::MessageWriter writer(std::pmr::new_delete_resource());
  writer.copy_both_response();
  ByteVector stream(writer.bytes().begin(), writer.bytes().end());
  append(stream, xlog_data(4096, "first"));
  append(stream, server::wire::encode_keepalive(1, 2, true));
  append(stream, xlog_data(4101, "second"));
  append(stream, xlog_data(4107, ""));
  append(stream, raw('c', 4));
  append(stream, raw('d', 4));
  append(stream, raw('E', 4 + 300, std::string(300, 'e')));
  return stream;
}

constexpr std::string_view kFound = "W3 w4096+5 first d18 w4101+6 second w4107+0 c0 d0 E300 ";

TEST(BackendFramerTest, FindsEveryMessage) {
  BackendFramer framer;
  EXPECT_EQ(found_in(framer, some_stream()), kFound);
}

TEST(BackendFramerTest, FindsTheSameHoweverTheBytesCome) {
  const ByteVector stream = some_stream();
  for (std::size_t piece = 1; piece < stream.size(); ++piece) {
    BackendFramer framer;
    std::string found;
    for (std::size_t at = 0; at < stream.size(); at += piece) {
      const std::size_t size = std::min(piece, stream.size() - at);
      // A copy that is gone at the next call, as what a shared read buffer held.
      const ByteVector read(stream.begin() + static_cast<std::ptrdiff_t>(at),
                            stream.begin() + static_cast<std::ptrdiff_t>(at + size));
      found += found_in(framer, read);
    }
    EXPECT_EQ(found, kFound) << "in pieces of " << piece;
  }
}

TEST(BackendFramerTest, HeaderFieldsAreTheSenders) {
  BackendFramer framer;
  const ByteVector bytes = xlog_data(4096, "wal");
  std::span<const std::byte> input = bytes;
  ASSERT_EQ(framer.next(input), Item::kWalHeader);
  EXPECT_EQ(framer.header().start, Lsn(4096));
  EXPECT_EQ(framer.header().server_end, Lsn(5096));
  EXPECT_EQ(framer.header().send_time, 77);
  EXPECT_EQ(framer.header().bytes, 3u);
}

TEST(BackendFramerTest, WalThatWasDroppedIsSkipped) {
  BackendFramer framer;
  const ByteVector first = xlog_data(4096, "dropped unseen");
  EXPECT_EQ(found_in(framer, std::span(first).first(server::wire::kXLogDataHeaderBytes + 2)),
            "w4096+14 dr");
  EXPECT_EQ(framer.wal_left(), 12u);
  framer.skip(5);
  framer.skip(7);
  EXPECT_EQ(found_in(framer, xlog_data(4110, "next")), "w4110+4 next ");
}

TEST(BackendFramerTest, ImpossibleLengthsBreak) {
  for (const ByteVector& bytes :
       {raw('Z', 3), raw('Z', 0), raw('E', BackendFramer::kMessageBytesMax), raw('d', 28, "w"),
        raw('d', BackendFramer::kWalBytesMax + 30, "w"), raw('d', 0xFFFFFFFF, "k")}) {
    BackendFramer framer;
    EXPECT_EQ(found_in(framer, bytes), "!");
  }
}

TEST(BackendFramerTest, TheLargestLengthsAreTaken) {
  BackendFramer message;
  EXPECT_EQ(found_in(message, raw('E', BackendFramer::kMessageBytesMax - 1)), "");
  BackendFramer wal;
  EXPECT_EQ(found_in(wal, raw('d', BackendFramer::kWalBytesMax + 29, "w")), "");
}

}  // namespace
}  // namespace bench::walbench

#include "server/wire/codec.h"

#include <gtest/gtest.h>

#include <array>

#include "tests/support/bytes.h"

namespace server::wire {
namespace {

TEST(BigEndianTest, TheMostSignificantByteComesFirst) {
  std::array<std::byte, 8> raw{};
  store_big_endian<std::uint64_t>(raw.data(), 0x0102030405060708);
  EXPECT_EQ(std::vector(raw.begin(), raw.end()), tests::bytes("0102030405060708"));
  EXPECT_EQ(load_big_endian<std::uint64_t>(raw.data()), 0x0102030405060708u);
  EXPECT_EQ(load_big_endian<std::uint32_t>(&raw[1]), 0x02030405u);
  EXPECT_EQ(load_big_endian<std::uint16_t>(&raw[3]), 0x0405u);
  EXPECT_EQ(load_big_endian<std::uint8_t>(&raw[7]), 8u);
}

TEST(ByteReaderTest, ReadsFromFrontToBack) {
  const auto raw = tests::bytes("07 0102 01020304 0102030405060708 \"name\" 00 \"\" 00 ff");
  ByteReader reader(raw);
  EXPECT_EQ(reader.byte().value(), 7u);
  EXPECT_EQ(reader.integer<std::uint16_t>().value(), 0x0102u);
  EXPECT_EQ(reader.integer<std::uint32_t>().value(), 0x01020304u);
  EXPECT_EQ(reader.integer<std::uint64_t>().value(), 0x0102030405060708u);
  EXPECT_EQ(reader.string().value(), "name");
  EXPECT_EQ(reader.string().value(), "");
  EXPECT_EQ(reader.rest().size(), 1u);
  EXPECT_FALSE(reader.expect_end());
  EXPECT_EQ(reader.byte().value(), 0xFFu);
  EXPECT_TRUE(reader.expect_end());
}

// The words are those of pqformat.c.
TEST(ByteReaderTest, TellsWhatIsMissing) {
  const auto raw = tests::bytes("0102 03");
  ByteReader reader(raw);
  EXPECT_EQ(reader.integer<std::uint32_t>().error().what, "insufficient data left in message");
  EXPECT_EQ(reader.integer<std::uint64_t>().error().kind, &kProtocolViolation);
  EXPECT_EQ(reader.string().error().what, "invalid string in message");
  EXPECT_EQ(reader.expect_end().error().what, "invalid message format");
  EXPECT_EQ(reader.integer<std::uint16_t>().value(), 0x0102u) << "a failure must take nothing";
  EXPECT_EQ(reader.byte().value(), 3u);
  EXPECT_EQ(reader.byte().error().what, "no data left in message");
  EXPECT_EQ(reader.string().error().what, "invalid string in message");
}

}  // namespace
}  // namespace server::wire

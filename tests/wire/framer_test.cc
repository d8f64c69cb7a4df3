#include "server/wire/framer.h"

#include <gtest/gtest.h>

#include <string_view>

#include "server/wire/startup.h"
#include "tests/support/bytes.h"

namespace server::wire {
namespace {

constexpr std::string_view kSmallTypes = "XSHCDEcf";
constexpr std::string_view kLargeTypes = "FBPd";

// A type and a length word, with no body behind them.
std::vector<std::byte> header(char type, std::uint32_t length) {
  std::vector<std::byte> bytes(5);
  bytes[0] = static_cast<std::byte>(type);
  store_big_endian(&bytes[1], length);
  return bytes;
}

CutResult cut_message(std::span<const std::byte> bytes) {
  return wire::cut_message(bytes, During::kCommands);
}

TEST(FramerTest, CutsTheFirstMessageOff) {
  const auto bytes = tests::bytes("51 00000009 \"SHOW\" 00 58 00000004");
  const CutResult first = cut_message(bytes);
  ASSERT_EQ(first.cut, Cut::kMessage);
  EXPECT_EQ(first.message.type, 'Q');
  EXPECT_EQ(first.message.body.data(), &bytes[5]);
  EXPECT_EQ(first.message.body.size(), 5u);
  EXPECT_EQ(first.bytes_used, 10u);
  const CutResult second = cut_message(std::span(bytes).subspan(first.bytes_used));
  ASSERT_EQ(second.cut, Cut::kMessage);
  EXPECT_EQ(second.message.type, 'X');
  EXPECT_TRUE(second.message.body.empty());
  EXPECT_EQ(second.bytes_used, 5u);
}

TEST(FramerTest, InAStreamOnlyThreeTypesMayBeThere) {
  for (int type = 0; type < 256; ++type) {
    const bool known = type == 'd' || type == 'c' || type == 'X';
    const std::byte byte{static_cast<std::uint8_t>(type)};
    const CutResult result = wire::cut_message({&byte, 1}, During::kStream);
    EXPECT_EQ(result.cut, known ? Cut::kIncomplete : Cut::kBadType) << type;
    if (!known) {
      EXPECT_EQ(result.message.type, static_cast<char>(type));
    }
  }
}

TEST(FramerTest, WhileAClientAuthenticatesOneTypeMayBeThere) {
  constexpr std::uint32_t kMax = 1024;
  for (int type = 0; type < 256; ++type) {
    const std::byte byte{static_cast<std::uint8_t>(type)};
    const CutResult result = cut_password_message({&byte, 1}, kMax);
    EXPECT_EQ(result.cut, type == 'p' ? Cut::kIncomplete : Cut::kBadType) << type;
  }
  EXPECT_EQ(cut_password_message({}, kMax).cut, Cut::kIncomplete);
  EXPECT_EQ(cut_password_message(header('p', 3), kMax).cut, Cut::kBadLength);
  EXPECT_EQ(cut_password_message(header('p', 4), kMax).cut, Cut::kMessage);
  EXPECT_EQ(cut_password_message(header('p', kMax), kMax).cut, Cut::kIncomplete);
  EXPECT_EQ(cut_password_message(header('p', kMax), kMax).bytes_wanted, kMax + 1);
  EXPECT_EQ(cut_password_message(header('p', kMax + 1), kMax).cut, Cut::kBadLength);
}

TEST(FramerTest, WantsTheRestWhereverAMessageIsCut) {
  const auto bytes = tests::bytes("64 0000000b 7201020304 0506");
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const CutResult result = cut_message(std::span(bytes).first(size));
    ASSERT_EQ(result.cut, Cut::kIncomplete) << size;
    EXPECT_EQ(result.bytes_wanted, size < 5 ? 5 : bytes.size()) << size;
    EXPECT_EQ(result.bytes_used, 0u);
  }
  EXPECT_EQ(cut_message(bytes).cut, Cut::kMessage);
}

TEST(FramerTest, HasALimitForEveryType) {
  for (const char type : kSmallTypes) {
    EXPECT_EQ(cut_message(header(type, 10000)).cut, Cut::kIncomplete) << type;
    EXPECT_EQ(cut_message(header(type, 10001)).cut, Cut::kBadLength) << type;
  }
  for (const char type : kLargeTypes) {
    EXPECT_EQ(cut_message(header(type, 1 << 20)).cut, Cut::kIncomplete) << type;
    EXPECT_EQ(cut_message(header(type, (1 << 20) + 1)).cut, Cut::kBadLength) << type;
  }
  EXPECT_EQ(cut_message(header('Q', 256 * 1024)).cut, Cut::kIncomplete);
  EXPECT_EQ(cut_message(header('Q', 256 * 1024 + 1)).cut, Cut::kBadLength);
}

TEST(FramerTest, ALengthCountsItself) {
  for (const char type : {'X', 'Q'}) {
    for (std::uint32_t length = 0; length < 4; ++length) {
      EXPECT_EQ(cut_message(header(type, length)).cut, Cut::kBadLength) << type << length;
    }
    EXPECT_EQ(cut_message(header(type, 0xFFFFFFFF)).cut, Cut::kBadLength);
    EXPECT_EQ(cut_message(header(type, 0x80000000)).cut, Cut::kBadLength);
  }
}

// One byte is enough for it, and its length is of no interest: SocketBackend of postgres.c.
TEST(FramerTest, JudgesTheTypeBeforeTheLength) {
  for (int type = 0; type < 256; ++type) {
    const char letter = static_cast<char>(type);
    const bool known = kSmallTypes.find(letter) != std::string_view::npos ||
                       kLargeTypes.find(letter) != std::string_view::npos || letter == 'Q';
    const auto bytes = header(letter, 0);
    EXPECT_EQ(cut_message(std::span(bytes).first(1)).cut, known ? Cut::kIncomplete : Cut::kBadType);
    const CutResult whole = cut_message(bytes);
    EXPECT_EQ(whole.cut, known ? Cut::kBadLength : Cut::kBadType);
    EXPECT_EQ(whole.message.type, known ? 0 : letter);
  }
}

TEST(StartupFramerTest, WantsTheRestWhereverAPacketIsCut) {
  const auto bytes = tests::bytes("0000000a 00030000 0000 ff");
  for (std::size_t size = 0; size < 10; ++size) {
    const CutResult result = cut_startup_packet(std::span(bytes).first(size));
    ASSERT_EQ(result.cut, Cut::kIncomplete) << size;
    EXPECT_EQ(result.bytes_wanted, size < 4 ? 4u : 10u) << size;
  }
  const CutResult whole = cut_startup_packet(bytes);
  ASSERT_EQ(whole.cut, Cut::kMessage);
  EXPECT_EQ(whole.message.type, 0);
  EXPECT_EQ(whole.message.body.data(), &bytes[4]);
  EXPECT_EQ(whole.message.body.size(), 6u);
  EXPECT_EQ(whole.bytes_used, 10u);
}

TEST(StartupFramerTest, RefusesWhatPostgresRefuses) {
  const auto cut = [](std::uint32_t length) {
    std::vector<std::byte> bytes(4);
    store_big_endian(bytes.data(), length);
    return cut_startup_packet(bytes).cut;
  };
  EXPECT_EQ(cut(0), Cut::kBadLength);
  EXPECT_EQ(cut(7), Cut::kBadLength);
  EXPECT_EQ(cut(8), Cut::kIncomplete);
  EXPECT_EQ(cut(kStartupPacketBytesMax + 4), Cut::kIncomplete);
  EXPECT_EQ(cut(kStartupPacketBytesMax + 5), Cut::kBadLength);
  EXPECT_EQ(cut(0xFFFFFFFF), Cut::kBadLength);
  EXPECT_EQ(cut(0x16030100), Cut::kBadLength) << "a TLS ClientHello";
}

}  // namespace
}  // namespace server::wire

#include "server/slot/slot_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "server/wal/crc32c.h"
#include "tests/slot/said.h"
#include "tests/support/bytes.h"
#include "tests/support/random_seed.h"

namespace server::slot {
namespace {

using testing::ElementsAreArray;
using tests::said;
using wal::Lsn;

using Bytes = std::vector<std::byte>;

Bytes encoded(const SlotState& state = {
                  "standby_1", Lsn(0x16B374D848), {0x1000002E5, 0x2E1}, "alice"}) {
  const auto bytes = encode(state);
  return {bytes.begin(), bytes.end()};
}

// Stores a number where it belongs in the file, and makes the checksum fit.
template <typename T>
Bytes forged(std::size_t offset, T value) {
  Bytes bytes = encoded();
  std::memcpy(bytes.data() + offset, &value, sizeof(value));
  const std::uint32_t checksum = wal::crc32c(std::span(bytes).subspan(8));
  std::memcpy(bytes.data() + 4, &checksum, sizeof(checksum));
  return bytes;
}

constexpr std::size_t kVersionOffset = 8;
constexpr std::size_t kLengthOffset = 12;
constexpr std::size_t kNameOffset = 24;
constexpr std::size_t kOwnerOffset = kStateFileBytesV2;

TEST(SlotFileTest, DecodingGivesBackWhatWasEncoded) {
  for (const std::string& name :
       {std::string("a"), std::string("standby_1"), std::string(63, 'z')}) {
    for (const std::uint64_t lsn : {0ull, 1ull, 0x16B374D848ull, ~0ull}) {
      for (const wal::Xmin xmin : {wal::Xmin{}, wal::Xmin{7, ~0ull}}) {
        for (const std::string& owner : {std::string(), std::string(63, '\xC3')}) {
          const SlotState state{name, Lsn(lsn), xmin, owner};
          const auto decoded = decode(encode(state), "f");
          ASSERT_EQ(said(decoded), "");
          EXPECT_EQ(*decoded, state);
        }
      }
    }
  }
}

// What one walcast has written the next one must read. The checksum is from another implementation.
TEST(SlotFileTest, TheFormatIsWhatItWas) {
  if constexpr (std::endian::native != std::endian::little) GTEST_SKIP();
  const Bytes file =
      tests::bytes("31534357 e350a19b 03000000 98000000 48d874b316000000 \"standby_1\"" +
                   std::string(55 * 2, '0') + "e502000001000000 e102000000000000 \"alice\"" +
                   std::string(59 * 2, '0'));
  EXPECT_THAT(encoded(), ElementsAreArray(file));
}

// As written before there was an xmin.
TEST(SlotFileTest, AFileOfTheFirstVersionIsRead) {
  if constexpr (std::endian::native != std::endian::little) GTEST_SKIP();
  Bytes file = tests::bytes("31534357 eba94c7c 01000000 48000000 48d874b316000000 \"standby_1\"" +
                            std::string(55 * 2, '0'));
  ASSERT_EQ(file.size(), kStateFileBytesV1);
  const auto decoded = decode(file, "f");
  ASSERT_EQ(said(decoded), "");
  EXPECT_EQ(*decoded, (SlotState{"standby_1", Lsn(0x16B374D848)}));
  EXPECT_EQ(said(decode(std::span(file).first(87), "f")),
            "XX001 could not read file \"f\": read 71 of 72");
  file.push_back(std::byte{0});
  EXPECT_EQ(said(decode(file, "f")), "XX001 replication slot file \"f\" has bytes after its end");
  file.back() = std::byte{1};
  file[8] = std::byte{2};
  EXPECT_EQ(said(decode(file, "f")), "XX001 replication slot file \"f\" has corrupted length 72");
}

// As written before slots had owners: it has none.
TEST(SlotFileTest, AFileOfTheSecondVersionIsRead) {
  if constexpr (std::endian::native != std::endian::little) GTEST_SKIP();
  Bytes file = tests::bytes("31534357 4525d794 02000000 58000000 48d874b316000000 \"standby_1\"" +
                            std::string(55 * 2, '0') + "e502000001000000 e102000000000000");
  ASSERT_EQ(file.size(), kStateFileBytesV2);
  const auto decoded = decode(file, "f");
  ASSERT_EQ(said(decoded), "");
  EXPECT_EQ(*decoded, (SlotState{"standby_1", Lsn(0x16B374D848), {0x1000002E5, 0x2E1}}));
  file.push_back(std::byte{0});
  EXPECT_EQ(said(decode(file, "f")), "XX001 replication slot file \"f\" has bytes after its end");
}

TEST(SlotFileTest, EveryTruncationIsRefused) {
  const Bytes file = encoded();
  for (std::size_t size = 0; size < file.size(); ++size) {
    const std::string wanted =
        size < 16 ? std::to_string(size) + " of 16" : std::to_string(size - 16) + " of 152";
    EXPECT_EQ(said(decode(std::span(file).first(size), "f")),
              "XX001 could not read file \"f\": read " + wanted);
  }
  EXPECT_EQ(said(decode({}, "f")), "XX001 could not read file \"f\": read 0 of 16");
}

TEST(SlotFileTest, EveryFlippedBitIsRefused) {
  for (std::size_t bit = 0; bit < kStateFileBytes * 8; ++bit) {
    Bytes file = encoded();
    file[bit / 8] ^= static_cast<std::byte>(1 << bit % 8);
    const auto decoded = decode(file, "f");
    ASSERT_FALSE(decoded.has_value()) << "bit " << bit;
    EXPECT_EQ(decoded.error().kind->code, "XX001");
  }
}

TEST(SlotFileTest, WhatFollowsTheStateIsRefused) {
  Bytes file = encoded();
  file.push_back(std::byte{0});
  EXPECT_EQ(said(decode(file, "f")), "XX001 replication slot file \"f\" has bytes after its end");
}

TEST(SlotFileTest, ZerosAndRandomBytesAreRefused) {
  EXPECT_EQ(said(decode(Bytes(kStateFileBytes), "f")),
            "XX001 replication slot file \"f\" has wrong magic number: 0 instead of 1464030001");
  const auto seed = tests::random_seed();
  std::mt19937 random(seed);
  for (int i = 0; i < 10'000; ++i) {
    Bytes file(random() % (kStateFileBytes + 2));
    for (std::byte& byte : file) byte = static_cast<std::byte>(random());
    EXPECT_FALSE(decode(file, "f").has_value());
  }
}

TEST(SlotFileTest, AWrongChecksumIsNamed) {
  Bytes file = encoded();
  const std::uint32_t right = wal::crc32c(std::span(file).subspan(8));
  const std::uint32_t wrong = right + 1;
  std::memcpy(file.data() + 4, &wrong, sizeof(wrong));
  EXPECT_EQ(said(decode(file, "dir/a.slot")),
            "XX001 checksum mismatch for replication slot file \"dir/a.slot\": is " +
                std::to_string(right) + ", should be " + std::to_string(wrong));
}

TEST(SlotFileTest, ARightChecksumIsNotEnough) {
  const auto refused = [](const Bytes& file) { return said(decode(file, "f")); };
  for (const std::uint32_t version : {0u, 4u}) {
    EXPECT_EQ(
        refused(forged(kVersionOffset, version)),
        "XX001 replication slot file \"f\" has unsupported version " + std::to_string(version));
  }
  for (const std::uint32_t length : {0u, 72u, 88u, 151u, 153u, ~0u}) {
    EXPECT_EQ(refused(forged(kLengthOffset, length)),
              "XX001 replication slot file \"f\" has corrupted length " + std::to_string(length));
  }
  for (const char c : {'A', '/', '.', '\0', '\n', '\xFF'}) {
    EXPECT_EQ(refused(forged(kNameOffset, c)),
              "XX001 replication slot file \"f\" has an invalid slot name");
  }
  std::array<char, 64> unterminated;
  unterminated.fill('a');
  EXPECT_EQ(refused(forged(kNameOffset, unterminated)),
            "XX001 replication slot file \"f\" has an invalid slot name");
  EXPECT_EQ(refused(forged(kNameOffset + 63, 'a')),
            "XX001 replication slot file \"f\" has bytes after its slot name");
  for (const auto& wrong : {forged(kOwnerOffset, unterminated), forged(kOwnerOffset + 63, 'a')}) {
    EXPECT_EQ(refused(wrong), "XX001 replication slot file \"f\" has an invalid owner");
  }
  EXPECT_EQ(refused(forged(kNameOffset, 'x')), "");  // or the above would prove nothing
}

}  // namespace
}  // namespace server::slot

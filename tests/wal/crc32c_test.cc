#include "server/wal/crc32c.h"

#include <gtest/gtest.h>

#include <random>
#include <string_view>
#include <vector>

namespace server::wal {
namespace {

std::vector<std::byte> random_bytes(std::size_t size) {
  std::mt19937 random(static_cast<std::uint32_t>(size));
  std::vector<std::byte> bytes(size);
  for (auto& byte : bytes) byte = static_cast<std::byte>(random());
  return bytes;
}

// Bit by bit, from the definition.
std::uint32_t by_definition(std::uint32_t state, std::span<const std::byte> bytes) {
  for (const std::byte byte : bytes) {
    state ^= std::to_integer<std::uint32_t>(byte);
    for (int bit = 0; bit < 8; ++bit) state = (state >> 1) ^ ((state & 1) != 0 ? 0x82F63B78 : 0);
  }
  return state;
}

// The vectors of RFC 3720, appendix B.4, and the customary check value.
TEST(Crc32cTest, KnowsThePublishedValues) {
  const std::string_view digits = "123456789";
  EXPECT_EQ(crc32c(std::as_bytes(std::span(digits))), 0xE3069283u);
  std::vector<std::byte> bytes(32, std::byte{0});
  EXPECT_EQ(crc32c(bytes), 0x8A9136AAu);
  bytes.assign(32, std::byte{0xFF});
  EXPECT_EQ(crc32c(bytes), 0x62A8AB43u);
  for (std::size_t i = 0; i < 32; ++i) bytes[i] = static_cast<std::byte>(i);
  EXPECT_EQ(crc32c(bytes), 0x46DD794Eu);
  EXPECT_EQ(crc32c({}), 0u);
}

TEST(Crc32cTest, EveryImplementationFollowsTheDefinitionAtEveryLength) {
  const auto bytes = random_bytes(7000);  // past two rounds of three lanes
  for (std::size_t size = 0; size <= bytes.size(); size += size < 900 ? 1 : 61) {
    // An odd start, so that words are not aligned either.
    const auto part =
        std::span(bytes).subspan(size == bytes.size() ? 0 : 1, size > 0 ? size - 1 : 0);
    const std::uint32_t expected = by_definition(0x12345678, part);
    EXPECT_EQ(crc32c_portable(0x12345678, part), expected) << size;
    if (crc32c_hardware() != nullptr) {
      EXPECT_EQ(crc32c_hardware()(0x12345678, part), expected) << size;
    }
  }
}

TEST(Crc32cTest, EveryImplementationFollowsTheDefinitionAtEveryAlignment) {
  const auto bytes = random_bytes(4000);
  for (std::size_t start = 0; start < 64; ++start) {
    for (const std::size_t size :
         {1u, 8u, 63u, 383u, 384u, 385u, 767u, 768u, 3071u, 3072u, 3900u}) {
      const auto part = std::span(bytes).subspan(start, size);
      const std::uint32_t expected = by_definition(0, part);
      EXPECT_EQ(crc32c_portable(0, part), expected) << start << " " << size;
      if (crc32c_hardware() != nullptr) {
        EXPECT_EQ(crc32c_hardware()(0, part), expected) << start << " " << size;
      }
    }
  }
}

TEST(Crc32cTest, PiecesThatWereReadApartAddUp) {
  const auto bytes = random_bytes(10000);
  for (const std::size_t cut : {0u, 1u, 7u, 24u, 3071u, 3072u, 8191u, 9999u, 10000u}) {
    Crc32c rest = Crc32c::of_rest();
    rest.update(std::span(bytes).subspan(cut));
    Crc32c crc;
    crc.update(std::span(bytes).first(cut)).append(rest, bytes.size() - cut);
    EXPECT_EQ(crc.value(), crc32c(bytes)) << cut;
  }
}

// As a record does that lies in many segments, of a size that no memory is taken for.
TEST(Crc32cTest, ManyLargePiecesAddUp) {
  const std::vector<std::byte> block(1 << 20);
  Crc32c rest = Crc32c::of_rest();
  rest.update(random_bytes(5));
  Crc32c at_once;
  Crc32c apart;
  const auto head = random_bytes(100);
  at_once.update(head);
  apart.update(head);
  for (int i = 0; i < 40; ++i) at_once.update(block);
  at_once.update(random_bytes(5));
  apart.append(Crc32c::of_rest(), 25 * block.size());
  apart.append(Crc32c::of_rest(), 15 * block.size()).append(rest, 5);
  EXPECT_EQ(apart.value(), at_once.value());
}

TEST(Crc32cTest, PiecesAddUp) {
  const auto bytes = random_bytes(10000);
  for (const std::size_t cut : {0u, 1u, 7u, 24u, 3071u, 3072u, 9999u, 10000u}) {
    Crc32c crc;
    crc.update(std::span(bytes).first(cut)).update(std::span(bytes).subspan(cut));
    EXPECT_EQ(crc.value(), crc32c(bytes)) << cut;
  }
}

}  // namespace
}  // namespace server::wal

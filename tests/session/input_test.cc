#include "server/session/input.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <new>
#include <span>
#include <vector>

namespace server::session {
namespace {

std::vector<std::byte> counting(std::size_t size) {
  std::vector<std::byte> bytes;
  bytes.reserve(size + 1);  // as a part of a buffer, even none of it has an address
  bytes.resize(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(i * 7);
  return bytes;
}

struct InputTest : testing::Test {
  std::vector<std::byte> kept() const {
    const auto bytes = input.bytes();
    return {bytes.begin(), bytes.end()};
  }
  // Keeps a message that comes in pieces of this size, and gives it up again. Returns how many
  // bytes were copied for it.
  std::uint64_t copied(std::size_t message_bytes, std::size_t piece_bytes) {
    const auto message = counting(message_bytes);
    const std::uint64_t before = input.copied_for_test();
    input.want(message_bytes);
    for (std::size_t at = 0; at < message_bytes; at += piece_bytes) {
      EXPECT_FALSE(input.has_wanted());
      const std::size_t size = std::min(piece_bytes, message_bytes - at);
      input.append(std::span(message).subspan(at, size));
    }
    EXPECT_TRUE(input.has_wanted());
    EXPECT_EQ(kept(), message);
    input.consume(message_bytes);
    return input.copied_for_test() - before;
  }

  memctx::Context session{"Session"};
  Input input{session};
};

TEST_F(InputTest, HasWhatWasAppendedAndNotConsumed) {
  for (const std::size_t size : {0u, 1u, 64u, 65u, 5'000u, 64u, 3u, 9'999u, 0u}) {
    input.append(counting(size));
    EXPECT_EQ(input.size(), size);
    EXPECT_EQ(kept(), counting(size));
    input.consume(size / 2);
    const auto all = counting(size);
    const auto rest = std::span(all).subspan(size / 2);
    EXPECT_TRUE(std::equal(rest.begin(), rest.end(), input.bytes().begin(), input.bytes().end()));
    input.consume(size - size / 2);
    EXPECT_EQ(input.size(), 0u);
  }
}

// A mebibyte in single bytes was copied half a million times over.
TEST_F(InputTest, AByteIsCopiedNoMoreOftenIfItsMessageIsLong) {
  for (const std::size_t message_bytes : {5u, 200u, 10'000u, 1u << 20}) {
    for (const std::size_t piece_bytes : {1u, 3u, 1'460u}) {
      EXPECT_LE(copied(message_bytes, piece_bytes), 3 * message_bytes)
          << message_bytes << " in pieces of " << piece_bytes;
    }
  }
}

TEST_F(InputTest, TakesNoMoreMemoryThanTheClientHasSentTwice) {
  const auto before = session.subtree_stats().total_bytes;
  input.want(1 << 20);
  input.append(counting(1'000));
  EXPECT_LT(session.subtree_stats().total_bytes, before + 8 * 1024) << "the length is only a claim";
  for (std::size_t sent = 1'000; sent < 1 << 20; sent += 1'000) input.append(counting(1'000));
  EXPECT_LT(session.subtree_stats().total_bytes, before + 2 * (1 << 20));
}

// Messages that go on behind each other, each cut in two by the pieces in which they come.
TEST_F(InputTest, DoesNotGrowWhenItNeverRunsEmpty) {
  const auto message = counting(1'000);
  input.append(std::span(message).first(500));
  for (int i = 0; i < 1'000; ++i) {
    input.append(std::span(message).subspan(500));
    input.append(std::span(message).first(500));
    ASSERT_TRUE(std::equal(message.begin(), message.end(), input.bytes().begin()));
    input.consume(1'000);
  }
  EXPECT_EQ(input.size(), 500u);
  EXPECT_LT(session.subtree_stats().total_bytes, 16u * 1024);
}

TEST_F(InputTest, AllocatesNothingForLittle) {
  const auto before = session.subtree_stats().total_bytes;
  for (int i = 0; i < 100; ++i) {
    input.append(counting(64));
    input.consume(64);
  }
  EXPECT_EQ(session.subtree_stats().total_bytes, before);
}

TEST_F(InputTest, DoesNotGrowByBeingUsed) {
  input.append(counting(5'000));
  input.consume(5'000);
  const auto after_one = session.subtree_stats().total_bytes;
  for (int i = 0; i < 100; ++i) {
    input.append(counting(5'000));
    input.consume(5'000);
  }
  EXPECT_EQ(session.subtree_stats().total_bytes, after_one);
}

// Of a password that came in two segments, parts stayed in memory.
TEST_F(InputTest, WipesWhatItMovesAndWhatIsConsumed) {
  const auto all_zero = [](std::span<const std::byte> bytes) {
    return std::all_of(bytes.begin(), bytes.end(), [](std::byte b) { return b == std::byte{}; });
  };
  input.append(counting(60));
  const std::span<const std::byte> first_place = input.bytes();
  input.append(counting(1'000));
  ASSERT_NE(input.bytes().data(), first_place.data());
  EXPECT_TRUE(all_zero(first_place)) << "it is a member";
  const std::span<const std::byte> consumed = input.bytes().first(1'000);
  input.consume(1'000);
  EXPECT_TRUE(all_zero(consumed)) << "the bytes behind them are still here";
}

TEST_F(InputTest, WipesEachByteWhereverItHasBeen) {
  for (const std::size_t piece_bytes : {1u, 3u, 100u, 1'460u}) {
    copied(10'000, piece_bytes);
    EXPECT_EQ(input.wiped_for_test(), input.copied_for_test());
  }
  const auto message = counting(1'000);
  input.append(std::span(message).first(500));
  for (int i = 0; i < 100; ++i) {
    input.append(std::span(message).subspan(500));
    input.append(std::span(message).first(500));
    input.consume(1'000);
  }
  input.consume(500);
  EXPECT_EQ(input.wiped_for_test(), input.copied_for_test());
}

TEST_F(InputTest, WipesNoMoreWhenTheClientIsIn) {
  input.stop_wiping();
  copied(10'000, 100);
  EXPECT_EQ(input.wiped_for_test(), 0u);
}

// A client may go in the midst of its password.
TEST_F(InputTest, WipesWhatIsLeftWhenItDies) {
  alignas(Input) std::array<std::byte, sizeof(Input)> place{};
  auto* const dying = new (place.data()) Input(session);
  dying->append(counting(60));
  const std::span<const std::byte> rest = dying->bytes();
  dying->~Input();
  EXPECT_TRUE(std::all_of(rest.begin(), rest.end(), [](std::byte b) { return b == std::byte{}; }));
}

TEST_F(InputTest, HasNoMoreThanItsLimit) {
  input.append(counting(Input::kBytesMax));
  EXPECT_EQ(input.room(), 0u);
  EXPECT_DEATH(input.append(counting(1)), "room");
}

}  // namespace
}  // namespace server::session

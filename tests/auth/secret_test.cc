#include "server/auth/secret.h"

#include <fmt/core.h>
#include <gtest/gtest.h>

#include <memory>
#include <new>
#include <ostream>
#include <type_traits>

#include "server/auth/verifier.h"

namespace server::auth {
namespace {

template <typename T>
concept Streamed = requires(std::ostream& out, const T& value) {
  out << value;
};

// What cannot be formatted cannot come into a log or an error.
static_assert(!fmt::is_formattable<Secret>::value);
static_assert(!fmt::is_formattable<Key>::value);
static_assert(!fmt::is_formattable<Verifier>::value);
static_assert(!fmt::is_formattable<ScramVerifier>::value);
static_assert(!Streamed<Secret> && !Streamed<Key>);
static_assert(!std::is_convertible_v<Secret, std::string_view>);
static_assert(!std::is_convertible_v<std::string_view, Secret>);

TEST(SecretTest, KeepsItsText) {
  const Secret secret("pa\0ss");
  const Secret copy = secret;
  EXPECT_EQ(copy.reveal(), secret.reveal());
  EXPECT_NE(copy.reveal().data(), secret.reveal().data());
  EXPECT_EQ(Secret(std::string_view("a\0b", 3)).size(), 3u);
}

TEST(SecretTest, AMovedOneTakesItsMemoryAlong) {
  Secret secret("password");
  const char* const text = secret.reveal().data();
  Secret moved = std::move(secret);
  EXPECT_EQ(moved.reveal().data(), text);
  Secret assigned("another");
  assigned = std::move(moved);
  EXPECT_EQ(assigned.reveal().data(), text);
  EXPECT_EQ(assigned.reveal(), "password");
}

TEST(SecretTest, WipeOverwritesAll) {
  std::array<std::byte, 100> bytes;
  bytes.fill(std::byte{0x5A});
  wipe(bytes);
  EXPECT_EQ(bytes, (std::array<std::byte, 100>{}));
}

// The memory of the object itself, which the test owns, and not the object's.
TEST(SecretTest, BytesAreOverwrittenWhenTheyGo) {
  alignas(Key) std::array<std::byte, sizeof(Key)> memory;
  std::array<std::byte, kSha256Bytes> value;
  value.fill(std::byte{0x5A});
  auto* key = new (memory.data()) Key(value);
  EXPECT_EQ(key->reveal()[0], std::byte{0x5A});
  std::destroy_at(key);
  const volatile std::byte* const left = memory.data();
  for (std::size_t i = 0; i < memory.size(); ++i) EXPECT_TRUE(left[i] == std::byte{0}) << i;
}

}  // namespace
}  // namespace server::auth

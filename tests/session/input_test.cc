#include "server/session/input.h"

#include <gtest/gtest.h>

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
  std::vector<std::byte> restored() {
    std::vector<std::byte> buffer(10'000);
    buffer.resize(input.restore(buffer));
    return buffer;
  }
  memctx::Context session{"Session"};
  Input input{session};
};

TEST_F(InputTest, GivesBackWhatItKept) {
  for (const std::size_t size : {0u, 1u, 64u, 65u, 5'000u, 64u, 3u, 9'999u, 0u}) {
    input.keep(counting(size));
    EXPECT_EQ(input.size(), size);
    EXPECT_EQ(restored(), counting(size));
    EXPECT_EQ(input.size(), 0u);
    EXPECT_TRUE(restored().empty());
  }
}

TEST_F(InputTest, AllocatesNothingForLittle) {
  const auto before = session.subtree_stats().total_bytes;
  for (int i = 0; i < 100; ++i) {
    input.keep(counting(64));
    restored();
  }
  EXPECT_EQ(session.subtree_stats().total_bytes, before);
}

TEST_F(InputTest, DoesNotGrowByBeingUsed) {
  input.keep(counting(5'000));
  restored();
  const auto after_one = session.subtree_stats().total_bytes;
  for (int i = 0; i < 100; ++i) {
    input.keep(counting(5'000));
    restored();
  }
  EXPECT_EQ(session.subtree_stats().total_bytes, after_one);
}

}  // namespace
}  // namespace server::session

#include "server/session/cancel_keys.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace server::session {
namespace {

struct Target final : CancelKeys::Target {
  void post_cancel(std::uint32_t process_id) override { cancelled.push_back(process_id); }
  void post_terminate(std::uint32_t process_id) override { terminated.push_back(process_id); }
  std::vector<std::uint32_t> cancelled;
  std::vector<std::uint32_t> terminated;
};

std::vector<std::byte> bytes_of(const CancelKey& key) {
  return {key.bytes().begin(), key.bytes().end()};
}

TEST(CancelKeyTest, MatchesItselfAndNothingElse) {
  for (const std::size_t size : {CancelKey::kShortBytes, CancelKey::kLongBytes}) {
    const CancelKey key = CancelKey::random(size);
    std::vector<std::byte> other = bytes_of(key);
    EXPECT_EQ(other.size(), size);
    EXPECT_TRUE(key.matches(other));
    for (std::byte& byte : other) {
      byte ^= std::byte{1};
      EXPECT_FALSE(key.matches(other));
      byte ^= std::byte{1};
    }
    other.push_back({});
    EXPECT_FALSE(key.matches(other));
    EXPECT_FALSE(key.matches(std::span(other).first(size - 1)));
    EXPECT_FALSE(key.matches({}));
  }
}

TEST(CancelKeyTest, NoTwoAreTheSame) {
  EXPECT_NE(bytes_of(CancelKey::random(32)), bytes_of(CancelKey::random(32)));
}

TEST(CancelKeysTest, TheRightKeyReachesTheSessionsWorker) {
  CancelKeys keys;
  Target one;
  Target two;
  const CancelKey first = CancelKey::random(4);
  const CancelKey second = CancelKey::random(32);
  keys.add(1, first, one);
  keys.add(2, second, two);
  using Cancel = CancelKeys::Cancel;
  EXPECT_EQ(keys.cancel(2, second.bytes()), Cancel::kPosted);
  EXPECT_EQ(keys.cancel(1, second.bytes()), Cancel::kWrongKey);
  EXPECT_EQ(keys.cancel(3, first.bytes()), Cancel::kNoSuchProcess);
  EXPECT_TRUE(one.cancelled.empty());
  EXPECT_EQ(two.cancelled, std::vector<std::uint32_t>{2});
  keys.remove(2);
  EXPECT_EQ(keys.cancel(2, second.bytes()), Cancel::kNoSuchProcess);
  EXPECT_EQ(two.cancelled.size(), 1u);
}

TEST(CancelKeysTest, TheServerItselfNeedsNoKeyToEndASession) {
  CancelKeys keys;
  Target one;
  Target two;
  keys.add(1, CancelKey::random(4), one);
  keys.add(2, CancelKey::random(4), two);
  keys.terminate(2);
  keys.terminate(3);  // it has just gone
  EXPECT_TRUE(one.terminated.empty());
  EXPECT_EQ(two.terminated, std::vector<std::uint32_t>{2});
  EXPECT_TRUE(two.cancelled.empty());
}

}  // namespace
}  // namespace server::session

// A stranger must not learn which names are roles from how long an answer takes.
//
// The statistic is Mann and Whitney's U, as a share: how probable it is that a try of a known role
// takes longer than one of an unknown name, ties counting half. It is 0.5 where the times tell
// nothing, and 1 where they tell all; what disturbs a few tries moves it little.

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <functional>
#include <memory_resource>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "server/auth/base64.h"
#include "server/auth/exchange.h"
#include "server/auth/users.h"
#include "tests/auth/exchange_client.h"
#include "tests/support/random_seed.h"

namespace server::auth {
namespace {

constexpr std::size_t kTries = 2000;  // of each
constexpr std::size_t kWarmUpTries = 200;
constexpr double kShareMax = 0.1;     // from 0.5, of no consequence
constexpr int kMeasurementsMax = 20;  // since another process may disturb many

using Plant = std::function<void(const Role*)>;

double share_of_longer(std::vector<double> known, std::vector<double> unknown) {
  std::sort(known.begin(), known.end());
  double wins = 0;
  for (const double time : unknown) {
    const auto [from, to] = std::equal_range(known.begin(), known.end(), time);
    wins += static_cast<double>(known.end() - to) + static_cast<double>(to - from) / 2;
  }
  return wins / static_cast<double>(known.size() * unknown.size());
}

// Tries with a wrong proof.
class Stranger {
 public:
  explicit Stranger(std::string_view role_verifier) {
    std::string text;
    for (int i = 100; i < 200; ++i) {
      text += "\"role" + std::to_string(i) + "\" \"" + std::string(role_verifier) + "\"\n";
    }
    auto users = Users::parse(text, "users");
    CHECK(users);
    users_ = *std::move(users);
    tests::CountingRandom random;
    const std::string nonce = "abc" + ScramServer::make_nonce(random);
    const std::string proof = encode_base64(std::vector<std::byte>(kSha256Bytes, std::byte{'x'}));
    messages_ = {tests::password_message(tests::initial_response("SCRAM-SHA-256", "n,,n=,r=abc")),
                 tests::password_message("c=biws,r=" + nonce + ",p=" + proof)};
  }

  // `plant` is done in each try as well.
  double microseconds_of(std::string_view user, const Plant& plant) const {
    std::pmr::monotonic_buffer_resource memory(16 << 10);
    wire::MessageWriter out(&memory);
    tests::CountingRandom random;
    const auto begin = std::chrono::steady_clock::now();
    const Role* role = users_.find(user);
    plant(role);
    Exchange exchange({.method = ExchangeMethod::kScram, .user = user, .role = role, .now = 0},
                      tests::test_mock(), random);
    auto next = exchange.begin(out);
    for (const std::string& message : messages_) {
      CHECK(next == Exchange::Next::kMore);
      next = exchange.take(exchange.cut(std::as_bytes(std::span(message))), out);
    }
    const std::chrono::duration<double, std::micro> time = std::chrono::steady_clock::now() - begin;
    CHECK(next == Exchange::Next::kRefused);
    CHECK(exchange.take_refusal().error.kind->code == "28P01");
    return time.count();
  }

 private:
  Users users_;
  std::vector<std::string> messages_;
};

// How far the share is from 0.5.
double told_by_time(const Plant& plant, std::mt19937& random) {
  const Verifier verifier = tests::scram_verifier("secret");
  const Stranger stranger(text_of(verifier).reveal());
  std::vector<double> known;
  std::vector<double> unknown;
  for (std::size_t i = 0; i < kWarmUpTries; ++i) {
    stranger.microseconds_of("role150", plant);
    stranger.microseconds_of("nosuch1", plant);
  }
  while (known.size() < kTries || unknown.size() < kTries) {
    const bool of_role = unknown.size() == kTries || (known.size() < kTries && random() % 2 == 0);
    (of_role ? known : unknown)
        .push_back(stranger.microseconds_of(of_role ? "role150" : "nosuch1", plant));
  }
  return std::abs(share_of_longer(std::move(known), std::move(unknown)) - 0.5);
}

// The least of some measurements.
double least_told_by_time(const Plant& plant) {
  std::mt19937 random(tests::random_seed());
  double least = 1;
  for (int i = 0; i < kMeasurementsMax && least > kShareMax / 2; ++i) {
    least = std::min(least, told_by_time(plant, random));
  }
  std::printf("the share is %.3f from 0.5\n", least);
  return least;
}

TEST(ExchangeTimingTest, KnownAndUnknownUsersAreAlike) {
  EXPECT_LT(least_told_by_time([](const Role*) {}), kShareMax);
}

// The test would notice if a verifier were parsed a few times when its role comes.
TEST(ExchangeTimingTest, APlantedDifferenceIsFound) {
  const Verifier verifier = tests::scram_verifier("secret");
  const Secret text = text_of(verifier);
  const auto parse = [&text](const Role* role) {
    for (int i = 0; role != nullptr && i < 4; ++i) {
      CHECK(std::holds_alternative<ScramVerifier>(parse_verifier(text.reveal())));
    }
  };
  EXPECT_GT(least_told_by_time(parse), kShareMax);
}

TEST(ExchangeTimingTest, TheStatistic) {
  EXPECT_EQ(share_of_longer({1, 2, 3}, {1, 2, 3}), 0.5);
  EXPECT_EQ(share_of_longer({4, 5}, {1, 2, 3}), 1);
  EXPECT_EQ(share_of_longer({1}, {2, 3}), 0);
  EXPECT_EQ(share_of_longer({1, 3}, {2}), 0.5);
}

}  // namespace
}  // namespace server::auth

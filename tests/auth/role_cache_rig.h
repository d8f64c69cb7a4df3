#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "runtime/clock.h"
#include "runtime/errors.h"
#include "server/auth/role_cache.h"

namespace server::auth {

using namespace std::chrono_literals;

inline constexpr runtime::ErrorKind kGone{"gone", "08006"};

// A cache whose refresher is the test: ask() counts what the primary is asked for.
class RoleCacheTest : public testing::Test {
 protected:
  static Role role(const std::string& name, std::int64_t connection_limit = -1) {
    Role made;
    made.name = name;
    made.connection_limit = connection_limit;
    return made;
  }
  // Asks the primary for all that is wanted now.
  void serve() {
    while (const auto name = cache().next()) {
      asked.push_back(*name);
      cache().take(*name, answer_to(*name));
    }
  }
  runtime::Result<std::optional<Role>> answer_to(const std::string& name) {
    if (is_down) return runtime::Error{.kind = &kGone, .what = "gone"};
    if (unreadable.contains(name)) {
      return runtime::Error{.kind = &runtime::kInvalidParameterValue, .what = "two rows"};
    }
    const auto at = primary.find(name);
    return at == primary.end() ? std::optional<Role>() : std::optional(at->second);
  }
  // What a login is told that waits as long as it takes.
  RoleAnswer look_up(const std::string& name, RoleWish wish = RoleWish::kCached) {
    if (auto known = cache().find(name, wish)) return *std::move(known);
    std::optional<RoleAnswer> given;
    cache().ask(name, wish, [&](RoleAnswer answer) { given = std::move(answer); });
    if (!given) serve();
    EXPECT_TRUE(given.has_value()) << name;
    return given.value_or(RoleAnswer());
  }
  bool knows(const std::string& name, RoleWish wish = RoleWish::kCached) {
    return look_up(name, wish).role != nullptr;
  }
  RoleCache& cache() {
    if (!cache_) cache_.emplace(options, clock, [this] { ++wakes; });
    return *cache_;
  }

  runtime::FakeClock clock;
  RoleCache::Options options{.cache_time = 60s,
                             .again_after = 1s,
                             .stranger_time = 5s,
                             .retry_interval = 5s,
                             .roles_max = 100,
                             .bytes_max = 1 << 20,
                             .strangers_max = 100,
                             .strangers_burst = 10,
                             .strangers_per_second = 2};
  std::map<std::string, Role> primary;
  std::set<std::string> unreadable;
  bool is_down = false;
  std::vector<std::string> asked;
  int wakes = 0;

 private:
  std::optional<RoleCache> cache_;
};

}  // namespace server::auth

#include "server/auth/role_refresher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <fstream>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "runtime/mutex.h"
#include "server/auth/role_file.h"
#include "tests/support/temp_dir.h"

namespace server::auth {
namespace {

using namespace std::chrono_literals;
using testing::IsEmpty;
using testing::SizeIs;

constexpr runtime::ErrorKind kGone{"gone", "08006"};

// What a primary knows, for any thread.
class FakePrimary {
 public:
  void set(const std::string& name, std::int64_t connection_limit) {
    const runtime::Lock lock(mutex_);
    limits_[name] = connection_limit;
  }
  void set_down(bool down) { down_ = down; }
  runtime::Result<std::optional<Role>> fetch(const std::string& name) {
    ++questions;
    if (down_) return runtime::Error{.kind = &kGone, .what = "gone"};
    const runtime::Lock lock(mutex_);
    const auto at = limits_.find(name);
    if (at == limits_.end()) return std::optional<Role>();
    Role role;
    role.name = name;
    role.connection_limit = at->second;
    return std::optional(std::move(role));
  }
  RolePlace place(const std::string& origin) {
    return {.origin = origin, .make_fetcher = [this](auto&, const auto& stop) {
              return std::make_unique<Fetcher>(*this, stop);
            }};
  }

  // On the refresher's thread; set before the first question.
  std::function<void(const runtime::Published<bool>& stop)> on_question;
  std::atomic<int> questions{0};
  std::atomic<int> rests{0};

 private:
  struct Fetcher final : RoleFetcher {
    Fetcher(FakePrimary& from, const runtime::Published<bool>& until)
        : primary(from), stop(until) {}
    runtime::Result<std::optional<Role>> fetch(const std::string& name) override {
      if (primary.on_question) primary.on_question(stop);
      return primary.fetch(name);
    }
    void rest() override { ++primary.rests; }
    FakePrimary& primary;
    const runtime::Published<bool>& stop;
  };

  runtime::Mutex mutex_;
  std::map<std::string, std::int64_t> limits_ GUARDED_BY(mutex_);
  std::atomic<bool> down_{false};
};

class RoleRefresherTest : public testing::Test {
 protected:
  void open(const std::string& origin = "here") {
    refresher = std::make_unique<RoleRefresher>(
        RoleRefresher::Options{.cache = {}, .file = file, .place = primary.place(origin)}, clock);
    refresher->start();
  }
  RoleAnswer look_up(const std::string& name, RoleWish wish = RoleWish::kCached) {
    const auto given = std::make_shared<std::promise<RoleAnswer>>();
    refresher->cache()->ask(name, wish, [given](RoleAnswer answer) { given->set_value(answer); });
    return given->get_future().get();
  }

  const tests::TempDir dir;
  const std::string file = dir.file("auth_cache");
  const runtime::SystemClock clock;
  FakePrimary primary;
  std::unique_ptr<RoleRefresher> refresher;
};

TEST_F(RoleRefresherTest, ARestartKnowsTheRolesWithoutThePrimary) {
  primary.set("ann", 3);
  open();
  EXPECT_EQ(look_up("ann").role->connection_limit, 3);
  EXPECT_EQ(look_up("bob").role, nullptr);
  refresher->stop();
  primary.set_down(true);
  open();
  const RoleAnswer old = look_up("ann");
  ASSERT_NE(old.role, nullptr);
  EXPECT_EQ(old.role->connection_limit, 3);
  EXPECT_FALSE(old.doubt.empty());
}

TEST_F(RoleRefresherTest, AnotherPlaceDoesNotHaveTheseRoles) {
  primary.set("ann", 3);
  open();
  EXPECT_NE(look_up("ann").role, nullptr);
  primary.set_down(true);
  refresher->change(primary.place("there"), 60s);
  EXPECT_EQ(look_up("ann").role, nullptr);
  refresher->stop();
  open("there");
  EXPECT_EQ(look_up("ann").role, nullptr);
}

TEST_F(RoleRefresherTest, AReloadForgetsOnlyStrangers) {
  primary.set("ann", 3);
  open();
  EXPECT_NE(look_up("ann").role, nullptr);
  EXPECT_EQ(look_up("bob").role, nullptr);
  primary.set("bob", 1);
  primary.set("ann", 4);
  refresher->change(primary.place("here"), 60s);
  EXPECT_NE(look_up("bob").role, nullptr);
  EXPECT_EQ(look_up("ann").role->connection_limit, 3);
}

TEST_F(RoleRefresherTest, ADamagedFileIsNoFile) {
  std::ofstream(file) << "walcast roles 1\nann\n";
  primary.set("ann", 3);
  open();
  EXPECT_NE(look_up("ann").role, nullptr);
  refresher->stop();
  EXPECT_THAT(read_role_file(file, "here").value(), SizeIs(1));
}

TEST_F(RoleRefresherTest, AFileThatCannotBeWrittenHoldsUpNoLogin) {
  const std::string missing = dir.file("none/auth_cache");
  refresher = std::make_unique<RoleRefresher>(
      RoleRefresher::Options{.cache = {}, .file = missing, .place = primary.place("here")}, clock);
  primary.set("ann", 3);
  refresher->start();
  EXPECT_NE(look_up("ann").role, nullptr);
  EXPECT_EQ(look_up("bob").role, nullptr);
}

TEST_F(RoleRefresherTest, ARetiredOneAsksNothingAndAnswersAll) {
  primary.set("ann", 3);
  open();
  EXPECT_NE(look_up("ann").role, nullptr);
  refresher->retire();
  const int questions = primary.questions;
  EXPECT_EQ(look_up("bob").role, nullptr);
  EXPECT_NE(look_up("ann", RoleWish::kAgain).role, nullptr);
  EXPECT_EQ(primary.questions, questions);
}

TEST_F(RoleRefresherTest, ALoginThatWaitsAtTheStopIsLeft) {
  open();
  std::promise<void> asked;
  primary.on_question = [&](const auto& stop) {
    asked.set_value();
    while (!stop.load()) std::this_thread::yield();
  };
  bool called = false;
  refresher->cache()->ask("ann", RoleWish::kCached, [&](const RoleAnswer&) { called = true; });
  asked.get_future().wait();
  refresher.reset();
  EXPECT_FALSE(called);
}

// Logins of many threads, a primary that comes and goes, reloads, and a stop in the middle.
TEST_F(RoleRefresherTest, ManyThreadsAskAndEachIsAnsweredOnce) {
  RoleCache::Options cache;
  cache.cache_time = 2ms;
  cache.again_after = 1ms;
  cache.stranger_time = 1ms;
  cache.retry_interval = 1ms;
  cache.roles_max = 8;
  cache.strangers_max = 8;
  cache.strangers_per_second = 1e5;
  refresher = std::make_unique<RoleRefresher>(
      RoleRefresher::Options{.cache = cache, .file = file, .place = primary.place("here")}, clock);
  refresher->start();
  constexpr int kThreads = 6;
  constexpr int kRounds = 400;
  for (int i = 0; i < 16; ++i) primary.set("r" + std::to_string(i), i);
  std::atomic<int> answers{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kRounds; ++i) {
        const std::string name = "r" + std::to_string((7 * t + i) % 24);
        const auto wish = i % 3 == 0 ? RoleWish::kAgain : RoleWish::kCached;
        const auto given = std::make_shared<std::promise<RoleAnswer>>();
        refresher->cache()->ask(name, wish, [&answers, given](RoleAnswer answer) {
          ++answers;
          given->set_value(std::move(answer));
        });
        const RoleAnswer answer = given->get_future().get();
        EXPECT_TRUE(answer.role == nullptr || answer.role->name == name);
        if (i % 50 == 0) primary.set_down(t % 2 == 0 && i % 100 == 0);
        if (i % 97 == 0) refresher->cache()->forget_strangers();
      }
    });
  }
  for (int i = 0; i < 20; ++i) {
    refresher->change(primary.place(i % 2 == 0 ? "there" : "here"), 2ms);
    std::this_thread::yield();
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(answers, kThreads * kRounds);
  primary.set_down(false);
  while (look_up("r1").role == nullptr) std::this_thread::yield();
  refresher->stop();
  EXPECT_THAT(read_role_file(file, "here").value(), testing::Not(IsEmpty()));
}

}  // namespace
}  // namespace server::auth

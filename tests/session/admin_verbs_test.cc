#include "server/session/admin_verbs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/support/logged.h"

namespace server::session {
namespace {

using testing::HasSubstr;

// A worker without a thread.
struct Loop final : PausedLoop, CancelKeys::Target {
  void post_pauses(std::string name, std::function<void(std::int64_t)> told) override {
    names.push_back(std::move(name));
    told(standbys);
  }
  void post_cancel(std::uint32_t process_id) override { cancelled.push_back(process_id); }
  void post_terminate(std::uint32_t process_id) override { terminated.push_back(process_id); }
  void log_memory_contexts() override { ++logs; }

  std::int64_t standbys = 0;
  std::vector<std::string> names;
  std::vector<std::uint32_t> cancelled;
  std::vector<std::uint32_t> terminated;
  int logs = 0;
};

struct ServerVerbsTest : testing::Test {
  ServerVerbsTest() {
    verbs.add(one);
    verbs.add(two);
    keys.add(7, CancelKey::random(CancelKey::kShortBytes), one);
  }
  // What a call has logged.
  template <typename Call>
  std::string logged(Call call) {
    return tests::logged([&] { call(); });
  }

  const runtime::SystemClock clock;
  CancelKeys keys;
  slot::Slots slots{{}};
  Pauses pauses;
  Loop one;
  Loop two;
  int reloads = 0;
  int logs = 0;
  std::vector<std::string> switched;
  ServerVerbs verbs{
      {.clock = clock,
       .cancel_keys = keys,
       .slots = slots,
       .pauses = pauses,
       .own_process_id = 3,
       .reload = [this] { ++reloads; },
       .log_all_memory_contexts = [this] { ++logs; },
       .reserved_lsn = [] { return wal::Lsn(0x1000000); },
       .switch_upstream = [this](const std::string& conninfo) -> runtime::Result<void> {
         switched.push_back(conninfo);
         return {};
       }}};
  const console::Actor actor{.process_id = 9,
                             .user = "boss",
                             .application_name = "psql\nFATAL",
                             .client = "192.0.2.1:4000"};
};

TEST_F(ServerVerbsTest, TheLogNamesWhoHasAskedOnOneLine) {
  const std::string text = logged([&] { EXPECT_TRUE(verbs.reload(actor)); });
  EXPECT_EQ(reloads, 1);
  EXPECT_THAT(text, HasSubstr("role \"boss\" (application_name \"psql?FATAL\", PID 9, client "
                              "192.0.2.1:4000)"));
}

TEST_F(ServerVerbsTest, ASessionIsTerminatedOrCancelledByItsPid) {
  EXPECT_TRUE(verbs.terminate(actor, 7).value());
  EXPECT_TRUE(verbs.cancel(actor, 7).value());
  EXPECT_EQ(one.terminated, std::vector<std::uint32_t>{7});
  EXPECT_EQ(one.cancelled, std::vector<std::uint32_t>{7});
  EXPECT_FALSE(verbs.terminate(actor, 8).value());
  EXPECT_FALSE(verbs.cancel(actor, 8).value());
}

TEST_F(ServerVerbsTest, MemoryIsLoggedOfASessionsThreadOrOfTheServer) {
  EXPECT_TRUE(verbs.log_memory_contexts(actor, 7).value());
  EXPECT_EQ(one.logs, 1);
  EXPECT_TRUE(verbs.log_memory_contexts(actor, 3).value());
  EXPECT_EQ(logs, 1);
  EXPECT_FALSE(verbs.log_memory_contexts(actor, 8).value());
}

TEST_F(ServerVerbsTest, ATemporarySlotIsTheSessionsAndKeepsWalIfItIsToldTo) {
  const auto created = verbs.create_slot(actor, "s", /*reserves_wal=*/true, /*temporary=*/true);
  ASSERT_TRUE(created);
  EXPECT_EQ(created->restart_lsn, wal::Lsn(0x1000000));
  const auto info = slots.read("s");
  ASSERT_TRUE(info.has_value());
  EXPECT_EQ(info->active_pid, 9);
  EXPECT_EQ(info->owner, "") << "a standby of any role may use it";
  EXPECT_EQ(verbs.create_slot(actor, "s", false, true).error().kind->code, "42710");
  EXPECT_EQ(verbs.create_slot(actor, "S", false, true).error().kind->code, "42602");
  EXPECT_TRUE(verbs.drop_slot(actor, "s"));
  EXPECT_EQ(verbs.drop_slot(actor, "s").error().what, "replication slot \"s\" does not exist");
}

TEST_F(ServerVerbsTest, EveryLoopLooksForPausedStandbys) {
  one.standbys = 2;
  two.standbys = 3;
  EXPECT_EQ(verbs.pause(actor, "a").value(), 5);
  EXPECT_TRUE(pauses.contains("a"));
  EXPECT_EQ(verbs.resume(actor, "a").value(), 5);
  EXPECT_FALSE(pauses.contains("a"));
  EXPECT_EQ(one.names, (std::vector<std::string>{"a", "a"}));
}

TEST_F(ServerVerbsTest, ThePasswordOfAPrimaryIsNotLogged) {
  const std::string text =
      logged([&] { EXPECT_TRUE(verbs.switch_upstream(actor, "host=other password=abracadabra")); });
  EXPECT_EQ(switched, std::vector<std::string>{"host=other password=abracadabra"});
  EXPECT_THAT(text, testing::Not(HasSubstr("abracadabra")));
  EXPECT_THAT(text, HasSubstr("boss"));
}

}  // namespace
}  // namespace server::session

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <chrono>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "server/auth/role_cache.h"
#include "server/session/origin.h"
#include "tests/session/session_loop.h"
#include "tests/support/logged.h"
#include "tests/support/temp_dir.h"

// What wrong passwords cost those that give them.

namespace tests {

using server::auth::Role;
using server::auth::RoleCache;
using server::session::Session;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

// A client of a loop with a clock of its own. It comes from an address, and has to give a password.
class GuessTest : public ::testing::Test, protected SessionLoop, private Session::Owner {
 protected:
  static constexpr const char* kVerifier = "md5aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

  // With a cache the role is the primary's.
  explicit GuessTest(const std::shared_ptr<server::auth::RoleCache>& roles = nullptr) {
    std::ofstream(dir.file("hba")) << "host replication all 127.0.0.1/32 md5\n";
    std::ofstream(dir.file("users")) << "\"postgres\" \"" << kVerifier << "\" replication\n";
    const std::string users = roles == nullptr ? dir.file("users") : "";
    const auto reading = server::auth::AccessPolicy::read(
        {.hba = dir.file("hba"), .ident = "", .users = users}, {}, roles);
    CHECK(reading.policy != nullptr);
    environment.policy = reading.policy;
    admissions.set_limits({.failure_delay = milliseconds(100)});
    options.authentication_timeout = seconds(60);
    server_socket_ = sockets.ours.get();
    session_ = new Session(environment, *this,
                           {.fd = std::move(sockets.ours),
                            .peer = here(),
                            .process_id = process_ids.take(),
                            .place = *admissions.admit(server::session::Origin(here()))});
  }
  ~GuessTest() override {
    if (!over_) session_->cut();
    rig.loop.turn_for_test();
  }

  static runtime::SocketAddress here() { return runtime::resolve("127.0.0.1", 1)->front(); }
  void fail(int times) {
    for (int i = 0; i < times; ++i) {
      admissions.on_failure(server::session::Origin(here()), "postgres", rig.loop.now());
    }
  }
  // Ends with the client's proof, whatever comes of it.
  void guess() {
    auto parameters = walreceiver_parameters();
    parameters[0] = {"user", "postgres"};
    say(startup_packet(parameters));
    ASSERT_EQ(heard().substr(0, 1), "R");
    say(client_message('p', std::string("md5bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\0", 36)));
  }
  bool is_refused() const { return heard().find("C28P01") != std::string::npos; }

  // The client has read nothing, and no more goes out to it.
  void fill_socket() const {
    for (const std::size_t size : {4096, 1}) {
      const std::string junk(size, 'j');
      while (::send(server_socket_, junk.data(), size, MSG_DONTWAIT | MSG_NOSIGNAL) > 0) {
      }
    }
  }
  void read_all() const {
    while (!heard().empty()) {
    }
  }

  bool over_ = false;
  int server_socket_ = -1;  // the session's
  Session* session_;

 private:
  void on_session_over(Session& session) override {
    over_ = true;
    rig.loop.retire(std::unique_ptr<runtime::Loop::Retired>(&session));
  }

  const TempDir dir;
};

TEST_F(GuessTest, TheFirstOnesAreAnsweredAtOnce) {
  guess();
  EXPECT_TRUE(is_refused());
  EXPECT_TRUE(over_);
}

TEST_F(GuessTest, LaterOnesWait) {
  fail(4);
  guess();
  pass(milliseconds(199));
  EXPECT_FALSE(over_);
  EXPECT_EQ(heard(), "");
  pass(milliseconds(1));
  EXPECT_TRUE(is_refused());
  EXPECT_TRUE(over_);
}

TEST_F(GuessTest, AClientThatWaitsCanSayNothingThatHelps) {
  fail(4);
  guess();
  say(client_message('p', std::string("md5cccccccccccccccccccccccccccccccc\0", 36)));
  say(std::string(100'000, 'x'));
  EXPECT_EQ(heard(), "");
  EXPECT_FALSE(over_);
  pass(milliseconds(200));
  EXPECT_TRUE(is_refused());
}

// An answer that waits was the line's, and went out with whatever had waited there for the client.
TEST_F(GuessTest, AClientThatReadsLateIsNotToldSooner) {
  fail(4);
  fill_socket();
  auto parameters = walreceiver_parameters();
  parameters[0] = {"user", "postgres"};
  say(startup_packet(parameters));
  say(client_message('p', std::string("md5bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\0", 36)));
  read_all();
  rig.loop.turn_for_test();
  const std::string told = heard();
  EXPECT_EQ(told.substr(0, 1), "R");
  EXPECT_EQ(told.find("C28P01"), std::string::npos);
  pass(milliseconds(199));
  EXPECT_EQ(heard(), "");
  EXPECT_FALSE(over_);
  pass(milliseconds(1));
  EXPECT_TRUE(is_refused());
  EXPECT_TRUE(over_);
}

// Else it would guess as fast as it connects.
TEST_F(GuessTest, AClientThatGoesKeepsItsPlaceUntilTheAnswer) {
  fail(4);
  guess();
  sockets.peer.reset();
  rig.loop.turn_for_test();
  pass(milliseconds(199));
  EXPECT_FALSE(over_);
  EXPECT_EQ(admissions.startups_for_test(), 1);
  pass(milliseconds(1));
  EXPECT_TRUE(over_);
  rig.loop.turn_for_test();
  EXPECT_EQ(admissions.startups_for_test(), 0);
}

TEST_F(GuessTest, AClientThatSendsNoMoreIsNotToldSooner) {
  fail(4);
  guess();
  ::shutdown(sockets.peer.get(), SHUT_WR);
  rig.loop.turn_for_test();
  EXPECT_FALSE(over_);
  EXPECT_EQ(heard(), "");
  pass(milliseconds(200));
  EXPECT_TRUE(over_);
}

TEST_F(GuessTest, AShutdownWaitsForNoAnswer) {
  fail(4);
  guess();
  sockets.peer.reset();
  rig.loop.turn_for_test();
  EXPECT_FALSE(over_);
  session_->shut_down();
  EXPECT_TRUE(over_);
}

TEST_F(GuessTest, TheDelayIsLessThanTheTimeForALogin) {
  options.authentication_timeout = seconds(2);
  fail(100);
  guess();
  pass(milliseconds(999));
  EXPECT_FALSE(over_);
  pass(milliseconds(1));
  EXPECT_TRUE(is_refused());
}

// A role that the primary is asked for.
struct AskedRole {
  void answer() {
    while (const auto name = cache->next()) cache->take(*name, role);
  }

  std::optional<Role> role = Role();
  runtime::FakeClock clock;
  const std::shared_ptr<RoleCache> cache =
      std::make_shared<RoleCache>(RoleCache::Options(), clock, [] {});
};

// A role that is known for long enough to be asked for once more when a proof is wrong.
struct AskedAgainTest : AskedRole, GuessTest {
  AskedAgainTest() : GuessTest(cache) {
    role->name = "postgres";
    role->verifier = server::auth::parse_verifier(kVerifier);
    role->can_replicate = true;
    cache->ask("postgres", server::auth::RoleWish::kCached, [](const auto&) {});
    answer();
    clock.advance(seconds(2));
  }
  // How many failures the address has had before this one, of which there are kFailuresFree.
  int failures() {
    const auto delay =
        admissions.on_failure(server::session::Origin(here()), "postgres", rig.loop.now());
    int count = server::session::Admissions::kFailuresFree;
    for (auto first = milliseconds(100); first < delay; first *= 2) ++count;
    return count;
  }
};

// An answer that does not come at once was the sign of a wrong password, and a client that hung up
// on it had not guessed at all.
TEST_F(AskedAgainTest, AClientThatHangsUpBeforeTheAnswerHasFailed) {
  fail(4);
  guess();
  EXPECT_FALSE(over_);
  const std::string log = logged([&] {
    sockets.peer.reset();
    rig.loop.turn_for_test();
  });
  EXPECT_EQ(count_of(log, "password authentication failed for user \"postgres\""), 1u) << log;
  pass(milliseconds(199));
  EXPECT_FALSE(over_);
  EXPECT_EQ(admissions.startups_for_test(), 1);
  pass(milliseconds(1));
  EXPECT_TRUE(over_);
  rig.loop.turn_for_test();
  EXPECT_EQ(admissions.startups_for_test(), 0);
  answer();
  rig.loop.turn_for_test();
  EXPECT_EQ(failures(), 5);
}

TEST_F(AskedAgainTest, AClientIsCountedOnceIfTheAnswerComesWhileItsPlaceIsKept) {
  fail(4);
  guess();
  sockets.peer.reset();
  rig.loop.turn_for_test();
  const std::string log = logged([&] {
    answer();
    rig.loop.turn_for_test();
  });
  EXPECT_EQ(log, "");
  EXPECT_FALSE(over_);
  pass(milliseconds(200));
  EXPECT_TRUE(over_);
  EXPECT_EQ(failures(), 5);
}

TEST_F(AskedAgainTest, AClientThatSendsNoMoreHasFailed) {
  fail(4);
  guess();
  ::shutdown(sockets.peer.get(), SHUT_WR);
  rig.loop.turn_for_test();
  const std::string log = logged([&] {
    answer();
    rig.loop.turn_for_test();
  });
  EXPECT_EQ(count_of(log, "password authentication failed for user \"postgres\""), 1u) << log;
  pass(milliseconds(200));
  EXPECT_TRUE(over_);
  EXPECT_EQ(failures(), 5);
}

TEST_F(AskedAgainTest, AClientWhoseTimeIsUpMeanwhileHasFailed) {
  fail(4);
  guess();
  const std::string log = logged([&] { pass(seconds(60)); });
  EXPECT_EQ(count_of(log, "password authentication failed for user \"postgres\""), 1u) << log;
  EXPECT_EQ(failures(), 5);
}

TEST_F(AskedAgainTest, AShutdownWaitsForNeitherTheAnswerNorItsTime) {
  fail(4);
  guess();
  session_->shut_down();
  EXPECT_TRUE(over_);
}

// The client has not been asked for a proof yet.
struct AskedFirstTest : AskedRole, GuessTest {
  AskedFirstTest() : GuessTest(cache) {}
};

TEST_F(AskedFirstTest, AClientThatHangsUpHasNotGuessed) {
  auto parameters = walreceiver_parameters();
  parameters[0] = {"user", "postgres"};
  say(startup_packet(parameters));
  EXPECT_EQ(heard(), "");
  const std::string log = logged([&] {
    sockets.peer.reset();
    rig.loop.turn_for_test();
  });
  EXPECT_EQ(log, "");
  EXPECT_TRUE(over_);
  fail(2);
  const auto third =
      admissions.on_failure(server::session::Origin(here()), "postgres", rig.loop.now());
  EXPECT_EQ(third.count(), 0);
}

}  // namespace

}  // namespace tests

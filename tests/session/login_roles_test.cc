#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/clock.h"
#include "runtime/socket.h"
#include "server/auth/access_policy.h"
#include "server/auth/role_cache.h"
#include "server/auth/tls_state.h"
#include "server/session/login.h"
#include "server/wal/format.h"
#include "tests/session/session_rig.h"
#include "tests/support/backend_messages.h"
#include "tests/support/temp_dir.h"

// Logins with roles that the primary is asked for.

namespace server::session {
namespace {

using namespace std::chrono_literals;
using auth::Role;
using auth::RoleAnswer;
using Next = Login::Next;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

std::span<const std::byte> as_bytes(std::string_view text) {
  return std::as_bytes(std::span(text));
}

class LoginRolesTest : public testing::Test {
 protected:
  LoginRolesTest() { settings::add_source_settings(identity, settings); }

  void use_rules(const std::string& rules, const std::string& maps = "") {
    std::ofstream(dir.file("hba")) << rules;
    std::ofstream(dir.file("ident")) << maps;
    auth::AccessFiles files{.hba = dir.file("hba"), .ident = dir.file("ident"), .users = {}};
    files.ssl = {.is_on = true, .has_authorities = true};
    policy = auth::AccessPolicy::read(files, auth::Key(), roles).policy;
    ASSERT_NE(policy, nullptr);
  }
  void come_by_tls(const std::string& common_name) {
    tls = std::make_shared<const auth::TlsState>(auth::TlsState{
        .client = auth::ClientCertificate{.common_name = common_name, .distinguished_name = {}},
        .end_point = {}});
  }
  void set_role(const std::string& name, std::string_view password, bool replicates,
                std::vector<std::string> groups = {}) {
    Role& role = primary[name];
    role.name = name;
    role.verifier = *auth::make_md5_verifier(password, name);
    role.can_replicate = replicates;
    role.groups = std::move(groups);
  }

  Next begin(const std::string& user) {
    login.emplace(
        1, false,
        Login::Peer{.address = runtime::resolve("127.0.0.1", 1)->front(), .uid = -1, .tls = tls});
    std::string packet("\0\3\0\0user\0", 9);
    packet += user + '\0' + std::string("replication\0true\0\0", 18);
    return run([&](wire::MessageWriter& out) {
      return login->take(as_bytes(packet), false, server(), out);
    });
  }
  // The password, and the check of it, if it comes to that.
  Next send_password(std::string_view password) {
    const std::string body = std::string(password) + '\0';
    const auto size = static_cast<char>(4 + body.size());
    const std::string message = std::string("p\0\0\0", 4) + size + body;
    const Next next = run([&](wire::MessageWriter& out) {
      return login->take_answer(login->cut(as_bytes(message)), server(), out);
    });
    if (next != Next::kCheck) return next;
    const bool right = login->take_check().run();
    return run([&](wire::MessageWriter& out) { return login->on_checked(right, server(), out); });
  }
  // The primary is asked what the login wants to know, and whatever grew old.
  Next answer() {
    const RoleQuestion question = login->role_question();
    std::optional<RoleAnswer> given;
    question.cache->ask(question.name, question.wish,
                        [&](RoleAnswer role) { given = std::move(role); });
    while (const auto name = roles->next()) {
      asked.push_back(*name);
      const auto at = primary.find(*name);
      roles->take(*name, at == primary.end() ? std::optional<Role>() : std::optional(at->second));
    }
    EXPECT_TRUE(given.has_value());
    return run([&](wire::MessageWriter& out) {
      return login->on_role(given.value_or(RoleAnswer()), server(), out);
    });
  }
  template <typename Step>
  Next run(Step step) {
    wire::MessageWriter out(std::pmr::get_default_resource());
    const Next next = step(out);
    lines = tests::describe(out.bytes());
    return next;
  }
  Login::Server server() {
    return {.settings = settings,
            .reported_settings = reported,
            .newest_protocol = wire::kProtocolVersion,
            .wal_senders = wal_senders,
            .max_wal_senders = 2,
            .policy = policy};
  }

  const wal::Identity identity{
      .system_identifier = 1, .segment_size = {}, .page_magic = wal::page_magic(15).value()};
  const tests::TempDir dir;
  settings::Settings settings;
  std::vector<std::string_view> reported;
  runtime::Gauge wal_senders;
  runtime::FakeClock clock;
  std::shared_ptr<auth::RoleCache> roles =
      std::make_shared<auth::RoleCache>(auth::RoleCache::Options(), clock, [] {});
  std::shared_ptr<const auth::AccessPolicy> policy;
  std::map<std::string, Role> primary;
  std::vector<std::string> asked;
  std::optional<Login> login;
  std::vector<std::string> lines;
  std::shared_ptr<const auth::TlsState> tls;
};

TEST_F(LoginRolesTest, ANewRoleIsAskedForAndTheNextLoginFindsIt) {
  use_rules("host replication all all password\n");
  set_role("ann", "one", true);
  EXPECT_EQ(begin("ann"), Next::kAskRole);
  EXPECT_EQ(answer(), Next::kMore);
  EXPECT_THAT(lines, ElementsAre("R 3"));
  EXPECT_EQ(send_password("one"), Next::kIn);
  EXPECT_EQ(begin("ann"), Next::kMore);
  EXPECT_EQ(send_password("one"), Next::kIn);
  EXPECT_THAT(asked, SizeIs(1));
}

TEST_F(LoginRolesTest, AConnectionThatIsRejectedAsksForNothing) {
  use_rules("host replication bad all reject\nhost replication ann 10.0.0.0/8 password\n");
  EXPECT_EQ(begin("bad"), Next::kRefused);
  EXPECT_EQ(begin("ann"), Next::kRefused);
  EXPECT_THAT(lines, ElementsAre(HasSubstr("no pg_hba.conf entry")));
}

TEST_F(LoginRolesTest, AWrongPasswordHasTheRoleAskedForOnceMore) {
  use_rules("host replication all all password\n");
  set_role("ann", "one", true);
  EXPECT_EQ(begin("ann"), Next::kAskRole);
  EXPECT_EQ(answer(), Next::kMore);
  clock.advance(2s);
  set_role("ann", "two", true);
  EXPECT_EQ(begin("ann"), Next::kMore);
  EXPECT_EQ(send_password("two"), Next::kAskRole);
  EXPECT_THAT(lines, IsEmpty()) << "the client hears no more before the answer";
  EXPECT_EQ(answer(), Next::kRefused);
  EXPECT_THAT(lines, ElementsAre(HasSubstr("28P01 password authentication failed")));
  EXPECT_EQ(begin("ann"), Next::kMore);
  EXPECT_EQ(send_password("two"), Next::kIn);
  EXPECT_EQ(begin("ann"), Next::kMore);
  EXPECT_EQ(send_password("one"), Next::kRefused) << "it was asked for less than a second ago";
}

// The same messages, and the same questions, as for a name that is known.
TEST_F(LoginRolesTest, AStrangersExchangeIsAsAnyOther) {
  use_rules("host replication all all password\n");
  EXPECT_EQ(begin("bob"), Next::kAskRole);
  EXPECT_EQ(answer(), Next::kMore);
  clock.advance(2s);
  EXPECT_EQ(begin("bob"), Next::kMore);
  EXPECT_EQ(send_password("x"), Next::kAskRole);
  EXPECT_EQ(answer(), Next::kRefused);
  EXPECT_THAT(lines, ElementsAre(HasSubstr("28P01 password authentication failed")));
  EXPECT_THAT(login->log_line(), HasSubstr("Role \"bob\" does not exist."));
}

TEST_F(LoginRolesTest, ARightThatIsMissingIsLookedForOnceMore) {
  use_rules("host replication all all trust\n");
  set_role("ann", "one", false);
  EXPECT_EQ(begin("ann"), Next::kAskRole);
  EXPECT_EQ(answer(), Next::kRefused) << "what is new is not asked for again";
  EXPECT_THAT(lines.back(), HasSubstr("42501 must be superuser or replication role"));
  clock.advance(2s);
  set_role("ann", "one", true);
  EXPECT_EQ(begin("ann"), Next::kAskRole);
  EXPECT_EQ(answer(), Next::kIn);
}

// What is known decides, as it would without the question.
TEST_F(LoginRolesTest, AClientThatDoesNotWaitForTheSecondAnswerIsRefused) {
  use_rules("host replication all all trust\n");
  set_role("ann", "one", false);
  const auto ends_without_client = [&] {
    wire::MessageWriter unread(std::pmr::get_default_resource());
    return login->end_without_client(server(), unread);
  };
  EXPECT_EQ(begin("ann"), Next::kAskRole);
  EXPECT_FALSE(ends_without_client()) << "nothing is known of it yet";
  EXPECT_EQ(begin("ann"), Next::kAskRole);
  EXPECT_EQ(answer(), Next::kRefused);
  clock.advance(2s);
  EXPECT_EQ(begin("ann"), Next::kAskRole);
  EXPECT_TRUE(ends_without_client());
  EXPECT_THAT(login->log_line(), HasSubstr("must be superuser or replication role"));
  EXPECT_FALSE(login->failed_proof());
  EXPECT_EQ(wal_senders.get(), 0);
  use_rules("host replication all all password\n");
  set_role("ann", "one", true);
  clock.advance(2s);
  EXPECT_EQ(begin("ann"), Next::kMore);
  EXPECT_EQ(send_password("two"), Next::kAskRole);
  EXPECT_TRUE(ends_without_client());
  EXPECT_TRUE(login->failed_proof());
  EXPECT_EQ(begin("ann"), Next::kMore);
  EXPECT_FALSE(ends_without_client()) << "it has given no proof";
}

TEST_F(LoginRolesTest, GroupsAreAskedForWhereARuleHasThem) {
  use_rules("host replication +staff all trust\nhost replication bob all reject\n");
  set_role("ann", "one", true, {"others", "staff"});
  set_role("bob", "one", true);
  EXPECT_EQ(begin("ann"), Next::kAskRole);
  EXPECT_EQ(answer(), Next::kIn);
  EXPECT_EQ(begin("bob"), Next::kAskRole);
  EXPECT_EQ(answer(), Next::kRefused);
  EXPECT_THAT(lines, ElementsAre(HasSubstr("pg_hba.conf rejects")));
  EXPECT_EQ(begin("carl"), Next::kAskRole);
  EXPECT_EQ(answer(), Next::kRefused);
  EXPECT_THAT(lines, ElementsAre(HasSubstr("no pg_hba.conf entry")));
  // Membership that is new is seen before the client is told that no rule takes it.
  use_rules("host replication +staff all trust\n");
  clock.advance(2s);
  set_role("bob", "one", true, {"staff"});
  EXPECT_EQ(begin("bob"), Next::kAskRole);
  EXPECT_EQ(answer(), Next::kIn);
}

// A line that rejects all others behind a group's came before the question, and a member that is
// new was rejected for as long as the role was known.
TEST_F(LoginRolesTest, ANewMemberOfAGroupIsNotRejectedByALaterLine) {
  use_rules(
      "host replication +staff all trust\nhost all all all reject\n"
      "host replication all all reject\n");
  set_role("ann", "one", true);
  EXPECT_EQ(begin("ann"), Next::kAskRole);
  EXPECT_EQ(answer(), Next::kRefused);
  clock.advance(2s);
  set_role("ann", "one", true, {"staff"});
  EXPECT_EQ(begin("ann"), Next::kAskRole);
  EXPECT_EQ(answer(), Next::kIn);
}

TEST_F(LoginRolesTest, APasswordOfThePrimaryAndACertificateAreBothWanted) {
  use_rules("hostssl replication all all password clientcert=verify-full\n");
  set_role("ann", "one", true);
  come_by_tls("ann");
  EXPECT_EQ(begin("ann"), Next::kAskRole);
  EXPECT_EQ(answer(), Next::kMore);
  EXPECT_EQ(send_password("one"), Next::kIn);
  clock.advance(2s);
  EXPECT_EQ(begin("ann"), Next::kMore);
  EXPECT_EQ(send_password("two"), Next::kAskRole) << "it may have changed";
  EXPECT_EQ(answer(), Next::kRefused);
  come_by_tls("bob");
  EXPECT_EQ(begin("ann"), Next::kMore);
  EXPECT_EQ(send_password("one"), Next::kRefused);
  EXPECT_THAT(lines, ElementsAre(HasSubstr("28P01 password authentication failed")));
  EXPECT_THAT(login->log_line(), HasSubstr("CN mismatch"));
}

// As what no rule took is looked at again, so is what a map refused.
TEST_F(LoginRolesTest, ANewMemberOfAMapsGroupIsNotRefusedByTheMap) {
  use_rules("hostssl replication all all cert map=people\n", "people robot +machines\n");
  set_role("ann", "one", true);
  come_by_tls("robot");
  EXPECT_EQ(begin("ann"), Next::kAskRole);
  EXPECT_EQ(answer(), Next::kRefused) << "what is new is not asked for again";
  EXPECT_THAT(lines, ElementsAre(HasSubstr("28000 certificate authentication failed")));
  clock.advance(2s);
  EXPECT_EQ(begin("ann"), Next::kAskRole);
  EXPECT_EQ(answer(), Next::kRefused);
  clock.advance(2s);
  set_role("ann", "one", true, {"machines"});
  EXPECT_EQ(begin("ann"), Next::kAskRole);
  EXPECT_EQ(answer(), Next::kIn);
  come_by_tls("other");
  clock.advance(2s);
  EXPECT_EQ(begin("ann"), Next::kRefused) << "no line depends on a group of hers";
}

TEST_F(LoginRolesTest, ATrustedRoleThatIsRefusedHasItsRuleAndTheDoubtInTheLog) {
  use_rules("host replication all all trust\n");
  EXPECT_EQ(begin("ann"), Next::kAskRole);
  roles->ask("ann", auth::RoleWish::kCached, [](const RoleAnswer&) {});
  ASSERT_EQ(roles->next(), "ann");
  roles->take("ann", runtime::Error{.kind = &wire::kProtocolViolation, .what = "gone"});
  EXPECT_EQ(answer(), Next::kRefused);
  EXPECT_THAT(lines.back(), testing::Not(HasSubstr("primary")));
  EXPECT_THAT(login->log_line(), HasSubstr("role \"ann\" does not exist: The primary could not be "
                                           "asked for the role. Connection matched file"));
}

TEST_F(LoginRolesTest, ASilentPrimaryIsInTheLogAndNotInTheAnswer) {
  use_rules("host replication all all password\n");
  EXPECT_EQ(begin("ann"), Next::kAskRole);
  roles->ask("ann", auth::RoleWish::kCached, [](const RoleAnswer&) {});
  const auto name = roles->next();
  ASSERT_TRUE(name.has_value());
  roles->take(*name, runtime::Error{.kind = &wire::kProtocolViolation, .what = "gone"});
  EXPECT_EQ(answer(), Next::kMore);
  EXPECT_EQ(send_password("x"), Next::kRefused);
  EXPECT_THAT(lines, ElementsAre(testing::Not(HasSubstr("primary"))));
  EXPECT_THAT(login->log_line(), HasSubstr("The primary could not be asked for the role."));
}

// A whole server: a client that waits for an answer has waited too long, or the server stops, and
// the answer comes behind that.
TEST(WaitingForARoleTest, AClientThatIsGoneIsNotFoundByItsAnswer) {
  const tests::TempDir dir;
  std::ofstream(dir.file("hba")) << "host replication all all trust\n";
  const runtime::SystemClock clock;
  const auto roles = std::make_shared<auth::RoleCache>(auth::RoleCache::Options(), clock, [] {});
  const auto policy = auth::AccessPolicy::read({.hba = dir.file("hba"), .ident = {}, .users = {}},
                                               auth::Key(), roles)
                          .policy;
  tests::TestServer::Options options;
  options.policy = policy;
  options.worker.session.authentication_timeout = 2s;
  struct Rig : tests::SessionTest {
    explicit Rig(const tests::TestServer::Options& with) : SessionTest(with) {}
    void TestBody() override {}
  };
  Rig rig(options);
  constexpr std::string_view kPacket("\0\0\0\x23\0\3\0\0user\0ann\0replication\0true\0\0", 35);
  const auto wait_for_question = [&] {
    for (;;) {
      if (auto name = roles->next()) return *name;
      std::this_thread::yield();
    }
  };
  {
    tests::TestClient gone(rig.server.port());
    ASSERT_TRUE(gone.send(kPacket));
    EXPECT_EQ(wait_for_question(), "ann");
    EXPECT_TRUE(gone.ends());
  }
  ASSERT_TRUE(rig.server.wait_for_sessions(0));
  Role role;
  role.name = "ann";
  role.can_replicate = true;
  roles->take("ann", std::optional(role));
  tests::TestClient in(rig.server.port());
  ASSERT_TRUE(in.send(kPacket));
  EXPECT_EQ(in.until('Z').back().type, 'Z');
  roles->clear();
  tests::TestClient waits(rig.server.port());
  ASSERT_TRUE(waits.send(kPacket));
  EXPECT_EQ(wait_for_question(), "ann");
  rig.server.stop();
  roles->take("ann", std::optional(role));
}

}  // namespace
}  // namespace server::session

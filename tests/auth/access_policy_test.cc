#include "server/auth/access_policy.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <string>

#include "runtime/socket.h"
#include "tests/support/disk_calls.h"
#include "tests/support/logged.h"
#include "tests/support/temp_dir.h"

namespace server::auth {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

class AccessPolicyTest : public testing::Test {
 protected:
  std::string write(const std::string& name, const std::string& text) const {
    const std::string path = dir.file(name);
    std::ofstream(path) << text;
    return path;
  }
  AccessPolicy::Reading read() const { return AccessPolicy::read(files, Key()); }
  static HbaMatch::Kind match(const AccessPolicy& policy, std::string_view user) {
    const auto is_member = membership_of(policy.find_role_of_file(user));
    return policy.match(client(user), nullptr, is_member).kind;
  }
  static HbaConnection client(std::string_view user) {
    return {.transport = Transport::kTcp,
            .peer = ip_address_of(runtime::resolve("127.0.0.1", 1)->front()),
            .user = user,
            .database = user,
            .is_physical_replication = true};
  }

  const tests::TempDir dir;
  AccessFiles files;
};

TEST_F(AccessPolicyTest, WithoutFilesThereAreNoRulesAndNoRoles) {
  const auto reading = read();
  ASSERT_NE(reading.policy, nullptr);
  EXPECT_FALSE(reading.policy->has_rules());
  EXPECT_FALSE(reading.policy->has_roles());
  EXPECT_FALSE(AccessPolicy::open()->has_rules());
}

TEST_F(AccessPolicyTest, ARoleIsAMemberOfItselfIfItIsThere) {
  files.hba = write("hba", "host replication +ann all trust\n");
  files.users = write("users", "\"ann\" \"\" replication\n");
  const auto reading = read();
  ASSERT_NE(reading.policy, nullptr);
  EXPECT_EQ(match(*reading.policy, "ann"), HbaMatch::Kind::kRule);
  EXPECT_EQ(match(*reading.policy, "bob"), HbaMatch::Kind::kNoRule);
  EXPECT_NE(reading.policy->find_role_of_file("ann"), nullptr);
  EXPECT_EQ(reading.policy->find_role_of_file("bob"), nullptr);
}

TEST_F(AccessPolicyTest, AllThatIsWrongInAnyFileIsSaid) {
  files.hba = write("hba", "hots all all all trust\n");
  files.ident = dir.file("missing");
  files.users = write("users", "ann\n");
  const auto reading = read();
  EXPECT_EQ(reading.policy, nullptr);
  ASSERT_EQ(reading.errors.size(), 3u);
  std::vector<std::string> of;
  for (const FileError& error : reading.errors) of.push_back(error.file);
  EXPECT_THAT(of, testing::UnorderedElementsAre(files.hba, files.ident, files.users));
}

TEST_F(AccessPolicyTest, ARuleThatAsksForPasswordsWantsRoles) {
  files.hba = write("hba", "# first\nhost replication all all scram-sha-256\n");
  const auto reading = read();
  ASSERT_NE(reading.policy, nullptr);
  ASSERT_EQ(reading.warnings.size(), 1u);
  EXPECT_THAT(reading.warnings.front().error.what, HasSubstr("there is no auth_file"));
  EXPECT_EQ(reading.warnings.front().line, 2u);
  files.users = write("users", "");
  EXPECT_THAT(read().warnings, IsEmpty());
}

TEST_F(AccessPolicyTest, ThePrimarysRolesHaveGroupsAndPasswords) {
  files.hba = write("hba", "host replication +staff all scram-sha-256\n");
  const runtime::SystemClock clock;
  const auto roles = std::make_shared<RoleCache>(RoleCache::Options(), clock, [] {});
  const auto reading = AccessPolicy::read(files, Key(), roles);
  ASSERT_NE(reading.policy, nullptr);
  EXPECT_THAT(reading.warnings, IsEmpty());
  EXPECT_TRUE(reading.policy->has_roles());
  EXPECT_EQ(reading.policy->role_cache(), roles);
  Role ann;
  ann.name = "ann";
  ann.groups = {"others", "staff"};
  EXPECT_EQ(reading.policy->match(client("ann"), nullptr, membership_of(&ann)).kind,
            HbaMatch::Kind::kRule);
  EXPECT_EQ(reading.policy->match(client("ann"), nullptr, membership_of(nullptr)).kind,
            HbaMatch::Kind::kNoRule);
  EXPECT_EQ(read().warnings.size(), 2u) << "without them";
}

TEST_F(AccessPolicyTest, RulesOfTlsWantTls) {
  files.hba = write("hba", "hostssl all all all trust\nhostssl all all all cert\n");
  const auto warnings = [this](const ServerSsl& ssl) {
    std::vector<std::string> said;
    files.ssl = ssl;
    for (const FileError& warning : read().warnings) {
      said.push_back(std::to_string(warning.line) + " " + warning.error.what + "; " +
                     warning.error.hint);
    }
    return said;
  };
  EXPECT_THAT(
      warnings({}),
      testing::ElementsAre("1 hostssl record cannot match because SSL is disabled; Set ssl = on.",
                           "2 hostssl record cannot match because SSL is disabled; Set ssl = on."));
  EXPECT_THAT(
      warnings({.is_on = true}),
      testing::ElementsAre("2 client certificates can only be checked if a root certificate "
                           "store is available; Set ssl_ca_file."));
  EXPECT_THAT(warnings({.is_on = true, .has_authorities = true}), IsEmpty());
}

bool bears(const AccessPolicy& policy, const std::string& role, std::string_view name) {
  Role member;
  member.name = role;
  return policy.may_bear(role, name, membership_of(&member));
}

TEST_F(AccessPolicyTest, ARoleBearsItsOwnNameOrThoseOfTheMap) {
  files.hba = write("hba", "host all all all trust\n");
  files.ident = write("ident", "other x ann\nstandbys db_1 ann\nstandbys /^any all\n");
  const auto own = read().policy;
  ASSERT_NE(own, nullptr);
  EXPECT_TRUE(bears(*own, "ann", "ann"));
  EXPECT_TRUE(bears(*own, "ann", "ANN")) << "upstream_ack does not tell the two apart";
  EXPECT_FALSE(bears(*own, "ann", "db_1"));
  files.standby_names = "standbys";
  const auto by_map = read().policy;
  EXPECT_TRUE(bears(*by_map, "ann", "db_1"));
  EXPECT_TRUE(bears(*by_map, "bob", "anything"));
  EXPECT_FALSE(bears(*by_map, "bob", "db_1"));
  EXPECT_FALSE(bears(*by_map, "ann", "x"));
  EXPECT_FALSE(bears(*by_map, "ann", "ann"));
  EXPECT_FALSE(bears(*by_map, "ann", ""));
}

// syncrep.c compares by pg_strcasecmp, and so does upstream_ack. The names of roles have their
// case.
TEST_F(AccessPolicyTest, TheNamesOfStandbysHaveNoCase) {
  files.hba = write("hba", "host all all all trust\n");
  files.ident = write("ident",
                      "standbys Db_1 ann\nstandbys /^DB_[a-f]$ ann\n"
                      "standbys \"/^(.*)_standby$\" \\1\nother Db_1 ann\n");
  files.standby_names = "standbys";
  const auto policy = read().policy;
  ASSERT_NE(policy, nullptr);
  for (const char* name : {"Db_1", "db_1", "DB_1", "db_a", "DB_F", "ann_standby", "Ann_STANDBY"}) {
    EXPECT_TRUE(bears(*policy, "ann", name)) << name;
    EXPECT_FALSE(bears(*policy, "bob", name)) << name;
  }
  EXPECT_FALSE(bears(*policy, "Ann", "db_1"));
  EXPECT_FALSE(bears(*policy, "ann", "db_g"));
}

TEST_F(AccessPolicyTest, AMapOfStandbyNamesThatIsNotThereIsNamed) {
  files.hba = write("hba", "host all all all trust\n");
  files.ident = write("ident", "standbys db_1 ann\n");
  files.standby_names = "standby";
  const auto reading = read();
  ASSERT_NE(reading.policy, nullptr);
  ASSERT_EQ(reading.warnings.size(), 1u);
  EXPECT_EQ(reading.warnings.front().error.what,
            "map \"standby\" of standby_names has no line in file \"" + files.ident + "\"");
}

TEST_F(AccessPolicyTest, TheSecretOfAStateDirectoryOutlivesTheProcess) {
  const auto is_same = [](const Key& a, const Key& b) {
    return std::ranges::equal(a.reveal(), b.reveal());
  };
  const Key first = mock_secret_of(dir.path()).value();
  EXPECT_TRUE(is_same(mock_secret_of(dir.path()).value(), first));
  const tests::TempDir another;
  EXPECT_FALSE(is_same(mock_secret_of(another.path()).value(), first));
  EXPECT_FALSE(is_same(mock_secret_of("").value(), mock_secret_of("").value()));
  write("mock_secret", "short");
  EXPECT_FALSE(is_same(mock_secret_of(dir.path()).value(), first));
  EXPECT_FALSE(mock_secret_of(dir.file("missing")));
}

// A relay begins on a full disk too, and serves what it has.
TEST_F(AccessPolicyTest, AFullDiskKeepsNoServerFromItsStart) {
  int error = ENOSPC;
  const tests::DiskHook hook(dir.path(), [&error](const tests::DiskCall& call) {
    return (call.flags & O_CREAT) != 0 ? error : 0;
  });
  EXPECT_THAT(tests::logged([this] { EXPECT_TRUE(mock_secret_of(dir.path())); }),
              HasSubstr("No space left on device; the next start makes another secret"));
  error = EACCES;
  EXPECT_FALSE(mock_secret_of(dir.path()));
}

}  // namespace
}  // namespace server::auth

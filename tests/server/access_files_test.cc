#include "server/admin/access_files.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "runtime/check.h"
#include "server/auth/role_file.h"
#include "tests/support/logged.h"
#include "tests/support/temp_dir.h"

namespace server::admin {
namespace {

constexpr std::uint64_t kCluster = 7;

// A server whose primary does not answer, and which knows one role by an earlier process.
struct AccessTest : testing::Test {
  AccessTest() {
    write_rules("local all all trust\n");
    auth::Role role;
    role.name = "ann";
    const std::string origin = role_place(asked("here"), "", kCluster, clock).origin;
    const std::vector<std::shared_ptr<const auth::Role>> roles{
        std::make_shared<const auth::Role>(role)};
    CHECK(auth::write_role_file(directory.file("auth_cache"), origin, roles).has_value());
  }
  void write_rules(const std::string& text) { std::ofstream(directory.file("hba")) << text; }
  RoleQueryOptions asked(const std::string& host) const {
    RoleQueryOptions made;
    made.conninfo = "host=" + directory.file(host);
    made.cache_time = std::chrono::minutes(1);
    return made;
  }
  Access::Options options(const RoleQueryOptions& roles) const {
    return {.files = {.hba = directory.file("hba"), .ident = "", .users = ""},
            .primary_conninfo = "",
            .roles = roles};
  }
  std::size_t known(const Access& access) const {
    return access.policy()->role_cache()->size_for_test();
  }

  tests::TempDir directory;
  runtime::SystemClock clock;
};

TEST_F(AccessTest, AReloadOfAFileThatIsWrongChangesNoRole) {
  Access access(options(asked("here")), clock);
  ASSERT_TRUE(access.load(directory.path(), kCluster));
  ASSERT_EQ(known(access), 1u);
  const auto policy = access.policy();
  write_rules("nonsense\n");
  const std::string log = tests::logged([&] { access.reload(asked("elsewhere"), {}); });
  EXPECT_EQ(tests::count_of(log, "the rules and roles stay as they were"), 1u) << log;
  EXPECT_EQ(access.policy(), policy);
  EXPECT_EQ(known(access), 1u);
  write_rules("local all all trust\n");
  access.reload(asked("elsewhere"), {});
  EXPECT_NE(access.policy(), policy);
  EXPECT_EQ(known(access), 0u) << "they come from elsewhere now";
  access.stop();
}

TEST_F(AccessTest, RolesAreAskedForFromTheFirstReloadOnWhoseFilesAreRight) {
  std::ofstream(directory.file("users")) << "\"ann\" \"\"\n";
  Access::Options without = options({});
  without.files.users = directory.file("users");
  Access access(without, clock);
  ASSERT_TRUE(access.load(directory.path(), kCluster));
  EXPECT_EQ(access.policy()->role_cache(), nullptr);
  write_rules("nonsense\n");
  tests::logged([&] { access.reload(asked("here"), {}); });
  EXPECT_EQ(access.policy()->role_cache(), nullptr);
  write_rules("local all all trust\n");
  access.reload(asked("here"), {});
  ASSERT_NE(access.policy()->role_cache(), nullptr);
  EXPECT_EQ(known(access), 1u);
  access.reload({}, {});
  EXPECT_EQ(access.policy()->role_cache(), nullptr);
  access.stop();
}

}  // namespace
}  // namespace server::admin

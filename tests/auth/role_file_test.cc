#include "server/auth/role_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "runtime/process.h"
#include "server/auth/access_policy.h"
#include "tests/support/temp_dir.h"

namespace server::auth {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

using Roles = std::vector<std::shared_ptr<const Role>>;

constexpr std::string_view kMd5 = "md52aea419619857e8a27f0f7aa641db0c6";

std::shared_ptr<const Role> odd_role() {
  return std::make_shared<const Role>(Role{.name = "tab\tfeed\n back\\ \"quote\" \\N",
                                           .verifier = parse_verifier(kMd5),
                                           .can_login = false,
                                           .can_replicate = true,
                                           .superuser = true,
                                           .valid_until = -5,
                                           .connection_limit = 7,
                                           .groups = {"a,b", "c\"d\\e", "", "f\tg\n{}", "NULL"}});
}

std::shared_ptr<const Role> named(const std::string& name) {
  Role role;
  role.name = name;
  return std::make_shared<const Role>(std::move(role));
}

TEST(RoleFileTest, ARoleIsReadAsItWasWritten) {
  const Roles roles{named("\\N"), odd_role()};
  const Secret text = print_role_file("here", roles);
  const auto again = parse_role_file(text.reveal(), "here");
  ASSERT_TRUE(again) << again.error().what;
  ASSERT_THAT(*again, SizeIs(2));
  for (std::size_t i = 0; i < 2; ++i) EXPECT_TRUE(is_same((*again)[i], *roles[i]));
  const Role& role = again->back();
  EXPECT_EQ(role.name, odd_role()->name);
  EXPECT_EQ(text_of(role.verifier).reveal(), kMd5);
  EXPECT_TRUE(!role.can_login && role.can_replicate && role.superuser);
  EXPECT_EQ(role.valid_until, -5);
  EXPECT_EQ(role.connection_limit, 7);
  EXPECT_THAT(role.groups, ElementsAre("a,b", "c\"d\\e", "", "f\tg\n{}", "NULL"));
  EXPECT_EQ(again->front().valid_until, std::nullopt);
}

TEST(RoleFileTest, RolesOfAnotherPlaceAreNotTaken) {
  const Secret text = print_role_file("here", Roles{named("ann")});
  EXPECT_THAT(parse_role_file(text.reveal(), "there").value(), IsEmpty());
}

TEST(RoleFileTest, NoByteMayBeAnother) {
  const std::string text(print_role_file("here", Roles{odd_role(), named("x")}).reveal());
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::string other = text;
    other[i] = static_cast<char>(other[i] ^ 1);
    EXPECT_FALSE(parse_role_file(other, "here")) << i;
    EXPECT_FALSE(parse_role_file(text.substr(0, i), "here")) << i;
  }
  EXPECT_FALSE(parse_role_file(text + "\n", "here"));
}

TEST(RoleFileTest, TheFileIsItsOwnersAlone) {
  const tests::TempDir dir;
  const std::string path = dir.file("auth_cache");
  EXPECT_THAT(read_role_file(path, "here").value(), IsEmpty());
  ::umask(0);
  ASSERT_TRUE(write_role_file(path, "here", Roles{odd_role()}));
  struct stat facts {};
  ASSERT_EQ(::stat(path.c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777, 0600u);
  EXPECT_THAT(read_role_file(path, "here").value(), SizeIs(1));
  std::ofstream(path, std::ios::app) << "x";
  const auto damaged = read_role_file(path, "here");
  ASSERT_FALSE(damaged);
  EXPECT_THAT(damaged.error().what, HasSubstr("is damaged"));
  EXPECT_THAT(damaged.error().what, HasSubstr(path));
  EXPECT_FALSE(write_role_file(dir.file("none/auth_cache"), "here", Roles{}));
}

// Where the primary's group may read new files, these two stay the server's alone: they are what
// passwords are proven by.
TEST(RoleFileTest, NoGroupReadsVerifiersOrTheSecretOfTheMock) {
  const tests::TempDir dir;
  const std::string path = dir.file("auth_cache");
  std::ofstream(path + ".tmp") << "left by a crash";
  std::filesystem::permissions(path + ".tmp", std::filesystem::perms(0644));
  runtime::set_readers_of_new_files(runtime::Readers::kGroup);
  const auto written = write_role_file(path, "here", {});
  const auto secret = mock_secret_of(dir.path());
  runtime::set_readers_of_new_files(runtime::Readers::kOwner);
  ASSERT_TRUE(written);
  ASSERT_TRUE(secret);
  for (const std::string& file : {path, dir.file("mock_secret")}) {
    EXPECT_EQ(std::filesystem::status(file).permissions(), std::filesystem::perms(0600)) << file;
  }
}

}  // namespace
}  // namespace server::auth

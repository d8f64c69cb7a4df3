#include "server/auth/users.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "tests/support/temp_dir.h"

namespace server::auth {
namespace {

constexpr std::string_view kMd5 = "md52aea419619857e8a27f0f7aa641db0c6";
constexpr std::string_view kScram =
    "SCRAM-SHA-256$4096:r8OePk5kPHGzeRUBpPXo5w==$m3Xm2igVW0YKNrH+9sekPzP593OYH5uStKpzZ6LDGJY=:"
    "5jXKaY+87oGyFV6Y1U2gtjZmPizHjtPXmnk42SH+7B0=";

std::string line(std::string_view name, std::string_view verifier, std::string_view rest = "") {
  return "\"" + std::string(name) + "\" \"" + std::string(verifier) + "\"" + std::string(rest) +
         "\n";
}

Users parsed(std::string_view text) {
  auto users = Users::parse(text, "users.txt");
  EXPECT_TRUE(users) << users.error().what;
  return users ? *std::move(users) : Users();
}

std::string error_of(std::string_view text) {
  const auto users = Users::parse(text, "users.txt");
  return users ? "" : users.error().what;
}

TEST(UsersTest, AFileAsPgbouncerHasIt) {
  const Users users =
      parsed("; pgbouncer's\n" + line("a", kScram) + "\n  # ours\n\t" +
             line("b", kMd5, " replication ; of the second site") + "\r\n" + line("c", ""));
  EXPECT_EQ(users.roles().size(), 3u);
  ASSERT_NE(users.find("a"), nullptr);
  EXPECT_EQ(users.find("a")->name, "a");
  EXPECT_EQ(text_of(users.find("a")->verifier).reveal(), kScram);
  EXPECT_EQ(text_of(users.find("b")->verifier).reveal(), kMd5);
  EXPECT_TRUE(std::holds_alternative<NoPassword>(users.find("c")->verifier));
  EXPECT_EQ(users.find("d"), nullptr);
  EXPECT_EQ(users.find(""), nullptr);
  EXPECT_EQ(users.find("A"), nullptr);
}

TEST(UsersTest, WhatARoleMayDo) {
  const Users users =
      parsed(line("none", kMd5) + line("r", kMd5, " replication") + line("s", kMd5, "\tsuperuser") +
             line("n", kMd5, " nologin") + line("all", kMd5, " nologin superuser replication#x"));
  const auto attributes = [&](std::string_view name) {
    const Role* role = users.find(name);
    return role == nullptr
               ? "?"
               : std::string(role->can_login ? "l" : "") + (role->can_replicate ? "r" : "") +
                     (role->superuser ? "s" : "") + (may_replicate(*role) ? "!" : "");
  };
  EXPECT_EQ(attributes("none"), "l");
  EXPECT_EQ(attributes("r"), "lr!");
  EXPECT_EQ(attributes("s"), "ls!");
  EXPECT_EQ(attributes("n"), "");
  EXPECT_EQ(attributes("all"), "rs!");
  EXPECT_EQ(users.find("r")->connection_limit, -1);
  EXPECT_EQ(users.find("r")->valid_until, std::nullopt);
}

TEST(UsersTest, TwoQuotesStandForOne) {
  const Users users = parsed(line("a\"\"b", kMd5) + line("\"\"", kMd5) + line("x; #y", kMd5));
  EXPECT_NE(users.find("a\"b"), nullptr);
  EXPECT_NE(users.find("\""), nullptr);
  EXPECT_NE(users.find("x; #y"), nullptr);
}

TEST(UsersTest, AFileWithoutRoles) {
  for (const char* text : {"", "\n", "\r\n\t \n", "; \"a\" \"b\"", "#"}) {
    EXPECT_EQ(parsed(text).roles().size(), 0u);
  }
}

TEST(UsersTest, AFileThatDoesNotEndInANewline) {
  std::string text = line("a", kMd5);
  text.pop_back();
  EXPECT_EQ(parsed(text).roles().size(), 1u);
}

TEST(UsersTest, AnErrorNamesFileAndLine) {
  const std::string at = "auth_file \"users.txt\" line 3: ";
  const std::string begin = "; a comment\n" + line("ok", kMd5);
  const std::pair<std::string, std::string> all[] = {
      {"a \"b\"", "expected a user name in double quotes"},
      {"'a' \"b\"", "expected a user name in double quotes"},
      {"\"a\"", "expected a verifier in double quotes"},
      {"\"a\" ; \"b\"", "expected a verifier in double quotes"},
      {"\"a\" b", "expected a verifier in double quotes"},
      {"\"a", "the double quote before a user name has no other behind it"},
      {"\"a\"\"", "the double quote before a user name has no other behind it"},
      {"\"a\" \"md5", "the double quote before a verifier has no other behind it"},
      {"\"\" \"b\"", "the user name is empty"},
      {line(std::string(64, 'x'), kMd5), "the user name has more than 63 bytes"},
      {line("a", kMd5, " replicaton"),
       "expected replication, superuser or nologin behind the verifier, or the end of the line"},
      {line("a", kMd5, "replication \"x\""),
       "expected replication, superuser or nologin behind the verifier, or the end of the line"},
      {line("ok", ""), "user \"ok\" is in line 2 already"},
      {line("a", "in the clear"),
       "the second field of user \"a\" is neither a SCRAM-SHA-256 nor an MD5 verifier, and "
       "passwords in plain text are not taken"}};
  for (const auto& [text, what] : all) EXPECT_EQ(error_of(begin + text), at + what) << text;
}

TEST(UsersTest, AnErrorHasNothingOfAPassword) {
  for (const char* text : {"\"a\" \"hunter2\"", "\"a\" \"hunter2", "\"a\" hunter2",
                           "\"a\" \"\" hunter2", "\"a\" \"x\"\"hunter2\"", "hunter2"}) {
    EXPECT_THAT(error_of(text), testing::Not(testing::HasSubstr("hunter2"))) << text;
  }
}

TEST(UsersTest, ANameOf63BytesIsTheLongest) {
  EXPECT_NE(parsed(line(std::string(63, 'x'), kMd5)).find(std::string(63, 'x')), nullptr);
}

TEST(UsersTest, ManyRolesAreFound) {
  std::string text;
  for (int i = 999; i >= 0; --i) text += line("role" + std::to_string(i), kMd5);
  const Users users = parsed(text);
  for (int i = 0; i < 1000; ++i) {
    ASSERT_NE(users.find("role" + std::to_string(i)), nullptr);
    EXPECT_EQ(users.find("role" + std::to_string(i))->name, "role" + std::to_string(i));
  }
  EXPECT_EQ(users.find("role"), nullptr);
  EXPECT_EQ(users.find("role1000"), nullptr);
}

TEST(UsersTest, TheUsualIterations) {
  const auto of = [](int iterations) {
    std::string verifier(kScram);
    return verifier.replace(verifier.find("4096"), 4, std::to_string(iterations));
  };
  EXPECT_EQ(parsed("").usual_iterations(), kUsualIterations);
  EXPECT_EQ(parsed(line("a", kMd5)).usual_iterations(), kUsualIterations);
  EXPECT_EQ(parsed(line("a", of(10)) + line("b", of(20)) + line("c", of(20)) + line("d", kMd5) +
                   line("e", of(30)))
                .usual_iterations(),
            20);
}

TEST(UsersTest, ReadsAFile) {
  const tests::TempDir dir;
  const std::string path = dir.file("users.txt");
  std::ofstream(path) << line("a", kScram, " replication");
  const auto users = Users::read(path);
  ASSERT_TRUE(users) << users.error().what;
  EXPECT_TRUE(users->find("a")->can_replicate);
  std::ofstream(path) << "x";
  const auto wrong = Users::read(path);
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().what,
            "auth_file \"" + path + "\" line 1: expected a user name in double quotes");
}

TEST(UsersTest, SaysWhyAFileCannotBeOpened) {
  const tests::TempDir dir;
  const auto users = Users::read(dir.file("missing"));
  ASSERT_FALSE(users);
  EXPECT_EQ(users.error().what,
            "could not open auth_file \"" + dir.file("missing") + "\": No such file or directory");
}

}  // namespace
}  // namespace server::auth

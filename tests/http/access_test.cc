#include "server/http/access.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <fstream>
#include <span>

#include "server/auth/base64.h"
#include "tests/support/temp_dir.h"

namespace server::http {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr const char* kToken = "0123456789abcdef0123";

std::string basic(const std::string& credentials) {
  return "Basic " + auth::encode_base64(std::as_bytes(std::span(credentials)));
}

struct AccessTest : testing::Test {
  AccessTest() {
    std::ofstream(dir_.file("tokens"))
        << "# a comment\n\n  " << kToken << " \r\nanother-token-of-16\n";
    constexpr std::array<std::byte, 16> kSalt{};
    const auto verifier = auth::text_of(auth::make_scram_verifier("wonder", kSalt, 4096));
    std::ofstream(dir_.file("users")) << "\"alice\" \"" << verifier.reveal() << "\"\n"
                                      << "\"gone\" \"" << verifier.reveal() << "\" nologin\n"
                                      << "\"none\" \"\"\n";
  }
  std::shared_ptr<const Access> read(bool tokens, bool users) {
    auto access = Access::read({.token_file = tokens ? dir_.file("tokens") : "",
                                .user_file = users ? dir_.file("users") : ""});
    EXPECT_TRUE(access) << access.error().what;
    return access.value();
  }
  std::string refusal(const std::string& tokens) {
    std::ofstream(dir_.file("tokens")) << tokens;
    auto access = Access::read({.token_file = dir_.file("tokens"), .user_file = ""});
    return access ? "" : access.error().what;
  }

  tests::TempDir dir_;
};

TEST_F(AccessTest, WithoutFilesAllComeIn) {
  EXPECT_TRUE(read(false, false)->is_open());
  EXPECT_TRUE(read(false, false)->lets_in(""));
}

TEST_F(AccessTest, ATokenOfTheFileLetsIn) {
  const auto access = read(true, false);
  EXPECT_FALSE(access->is_open());
  EXPECT_FALSE(access->has_users());
  EXPECT_TRUE(access->lets_in(std::string("Bearer ") + kToken));
  EXPECT_TRUE(access->lets_in("bearer another-token-of-16"));
  for (const char* wrong : {"", "Bearer", "Bearer ", "Bearer 0123456789abcdef012", "Bearer #",
                            "Bearer # a comment", kToken, "Basic 0123456789abcdef0123"}) {
    EXPECT_FALSE(access->lets_in(wrong)) << wrong;
  }
}

TEST_F(AccessTest, AUserLetsInWithThePassword) {
  const auto access = read(false, true);
  EXPECT_TRUE(access->has_users());
  EXPECT_TRUE(access->lets_in(basic("alice:wonder")));
  EXPECT_TRUE(access->lets_in(basic("alice:wonder"))) << "remembered, it lets in again";
  for (const char* wrong :
       {"alice:wonde", "alice:", "alice", "bob:wonder", "gone:wonder", "none:", ":wonder", ""}) {
    EXPECT_FALSE(access->lets_in(basic(wrong))) << wrong;
  }
  EXPECT_FALSE(access->lets_in("Basic !!!"));
}

TEST_F(AccessTest, ATokenFileWithoutATokenOrWithAShortOneIsRefused) {
  EXPECT_THAT(refusal(""), HasSubstr("has no token"));
  EXPECT_THAT(refusal("# none\n"), HasSubstr("has no token"));
  EXPECT_THAT(refusal("sixteen-letters-\nfifteen-letters\n"), HasSubstr("is too short"));
  EXPECT_THAT(refusal("fifteen-letters\n"), Not(HasSubstr("fifteen")));
}

TEST_F(AccessTest, AFileThatIsMissingIsRefused) {
  EXPECT_FALSE(Access::read({.token_file = dir_.file("no"), .user_file = ""}));
  EXPECT_FALSE(Access::read({.token_file = "", .user_file = dir_.file("no")}));
}

}  // namespace
}  // namespace server::http

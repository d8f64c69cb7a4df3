#include "server/auth/regex.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace server::auth {
namespace {

bool matches(std::string_view pattern, std::string_view text) {
  const auto regex = Regex::compile(pattern);
  EXPECT_TRUE(regex.has_value()) << pattern;
  return regex && regex->matches(text);
}

std::string group(std::string_view pattern, std::string_view text) {
  const auto regex = Regex::compile(pattern);
  EXPECT_TRUE(regex.has_value()) << pattern;
  const auto match = regex->match(text);
  if (!match) return "no match";
  return match->first_group ? std::string(*match->first_group) : "no group";
}

std::string error(std::string_view pattern) {
  const auto regex = Regex::compile(pattern);
  return regex ? "none" : regex.error().what;
}

TEST(RegexTest, MatchesAnyPartOfAName) {
  EXPECT_TRUE(matches("b", "abc"));
  EXPECT_TRUE(matches("", "abc"));
  EXPECT_FALSE(matches("^b", "abc"));
  EXPECT_FALSE(matches("b$", "abc"));
  EXPECT_TRUE(matches("^a.c$", "abc"));
  EXPECT_FALSE(matches("^a.c$", "ABC"));
  EXPECT_TRUE(matches("^(db_[0-9]{2,3}|test)$", "db_123"));
  EXPECT_FALSE(matches("^(db_[0-9]{2,3}|test)$", "db_1234"));
}

// As an ARE: the ends are those of the name, and a dot takes all.
TEST(RegexTest, ALineFeedIsACharacterAsAnyOther) {
  EXPECT_TRUE(matches("^a.b$", "a\nb"));
  EXPECT_TRUE(matches("^a[^x]b$", "a\nb"));
  EXPECT_FALSE(matches("^a$", "a\nb"));
  EXPECT_FALSE(matches("^b$", "a\nb"));
}

TEST(RegexTest, ANameIsARowOfBytes) {
  EXPECT_TRUE(matches("^..$", "\xC3\xA9"));
  EXPECT_TRUE(matches("^\xC3\xA9$", "\xC3\xA9"));
  EXPECT_TRUE(matches("^.$", "\xFF"));
  EXPECT_FALSE(matches("\\w", "\xC3\xA9"));
}

TEST(RegexTest, GivesWhatTheFirstGroupTook) {
  EXPECT_EQ(group("^(.*)@example\\.com$", "ann@example.com"), "ann");
  EXPECT_EQ(group("^(.*)@", "a@b@c"), "a@b");
  EXPECT_EQ(group("^.*@", "a@b"), "no group");
  EXPECT_EQ(group("^(x)?a", "a"), "no group");
  EXPECT_EQ(group("^(x*)a", "a"), "");
  EXPECT_EQ(group("(a|ab)", "abc"), "ab") << "the longest, not the first";
  EXPECT_EQ(group("(b)", "a"), "no match");
}

// PostgreSQL would take these to mean something else than RE2 does, or RE2 has nothing of the kind.
TEST(RegexTest, RefusesWhatItWouldReadOtherwise) {
  for (const char* pattern :
       {"(a)\\1", "a(?=b)", "(?:a)", "(?i)a", "(?P<n>a)", "a*?", "a+?", "a??", "a{1,2}?",
        "[[.hyphen.]]", "[[=a=]]", "[[:<:]]a", "a[[:>:]]", "\\x41f", "\\0", "[\\x41]", "[\\1]"}) {
    EXPECT_EQ(error(pattern),
              "invalid regular expression \"" + std::string(pattern) + "\": not supported");
    EXPECT_THAT(Regex::compile(pattern).error().hint, testing::StartsWith("There are no back"));
  }
  for (const char* pattern : {"\\ba", "\\By", "\\ma", "\\M", "\\y", "\\Aa", "a\\Z", "a\\z", "\\C",
                              "\\Qa\\E", "\\pN", "\\u0041", "\\e", "\\cA", "[\\b]"}) {
    EXPECT_THAT(error(pattern), testing::EndsWith("invalid escape \\ sequence"));
    EXPECT_THAT(Regex::compile(pattern).error().hint, testing::StartsWith("There are no back"));
  }
  for (const char* pattern :
       {"***:a", "***=a", "a**", "a+*", "a{2}{2}", "a*{2}", "^*", "$+", "{1}"}) {
    EXPECT_THAT(error(pattern), testing::EndsWith("quantifier operand invalid"));
  }
  for (const char* pattern : {"a{1", "a{1,", "a{1,x}", "a{2,1}", "a{99999}"}) {
    EXPECT_THAT(error(pattern), testing::EndsWith("invalid repetition count(s)"));
  }
}

TEST(RegexTest, KnowsWhatAQuantifierIsOf) {
  EXPECT_TRUE(matches("^(a)*$", "aa"));
  EXPECT_TRUE(matches("^[?*+]+$", "?*+"));
  EXPECT_TRUE(matches("^\\*+$", "**"));
  EXPECT_TRUE(matches("^[]*]*$", "]*"));
  EXPECT_TRUE(matches("^[^]]?$", "a"));
  EXPECT_TRUE(matches("^[[:digit:]_]+$", "1_2"));
  EXPECT_TRUE(matches("^[a\\]?]+$", "]?a"));
  EXPECT_TRUE(matches("^a{,2}$", "a{,2}")) << "not a quantifier";
  EXPECT_TRUE(matches("^x{}$", "x{}"));
}

TEST(RegexTest, AnExpressionOfTooMuchMemoryIsRefused) {
  EXPECT_THAT(error("((((a{100}){100}){100}){100})"),
              testing::AnyOf(testing::EndsWith("regular expression is too complex"),
                             testing::EndsWith("invalid repetition count(s)")));
}

// What takes a backtracking matcher longer than anyone waits, or its stack.
TEST(RegexTest, AHostileNameTakesLinearTime) {
  const std::string name(100'000, 'a');
  EXPECT_FALSE(matches("^(a+)+b$", name));
  EXPECT_FALSE(matches("^(a|aa|aaa)*c$", name));
  EXPECT_EQ(group("^((a|b)*)$", name), name);
}

TEST(RegexTest, StaysItselfWhenMoved) {
  auto first = Regex::compile("^a(.)$");
  ASSERT_TRUE(first.has_value());
  Regex second = std::move(first).value();
  EXPECT_EQ(second.pattern(), "^a(.)$");
  EXPECT_TRUE(second.matches("ab"));
}

}  // namespace
}  // namespace server::auth

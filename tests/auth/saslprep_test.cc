#include "server/auth/saslprep.h"

#include <gtest/gtest.h>

#include <string>

#include "server/auth/password_check.h"
#include "server/auth/verifier.h"
#include "tests/support/bytes.h"

namespace server::auth {
namespace {

std::string prepared(std::string_view password) { return std::string(saslprep(password).reveal()); }

// RFC 4013, section 3, but for what PostgreSQL takes as it is.
TEST(SaslprepTest, TheExamplesOfTheRfc) {
  EXPECT_EQ(prepared("I\u00ADX"), "IX");
  EXPECT_EQ(prepared("user"), "user");
  EXPECT_EQ(prepared("USER"), "USER");
  EXPECT_EQ(prepared("\u00AA"), "a");
  EXPECT_EQ(prepared("\u2168"), "IX");
  EXPECT_EQ(prepared("\x07"), "\x07");
  EXPECT_EQ(prepared("\u0627\x31"), "\u0627\x31");
}

TEST(SaslprepTest, WhatIsMapped) {
  EXPECT_EQ(prepared("a\u00A0b\u3000c\u2003d\u200Be"), "a b c d e");
  EXPECT_EQ(prepared("a\u00ADb\u200Dc\uFEFFd\uFE00"), "abcd");
  EXPECT_EQ(prepared("e\u0301"), "\u00E9");
  EXPECT_EQ(prepared("\uFF21\uFB01"), "Afi");
  EXPECT_EQ(prepared("\u0627\u0628"), "\u0627\u0628");
}

TEST(SaslprepTest, WhatCannotBePreparedIsTakenAsItIs) {
  for (const char* text : {"",
                           "\x01\x7F tab\t",
                           "\u00AA\x07",
                           "\u00AA\x7F",
                           "x\u0080",
                           "\u00E9\uE000",
                           "\u00E9\uFFFD",
                           "\u00E9\u2028",
                           "\u00E9\U000E0001",  // prohibited
                           "\u00E9\u0221",
                           "\u00E9\U0001F600",  // not assigned in Unicode 3.2
                           "\u00AD",
                           "\u00AD\u200D",  // nothing is left
                           "\u05D0x",
                           "x\u05D0",
                           "\u05D0x\u05D0",
                           "1\u05D0",  // directions that do not fit
                           "\xE9",
                           "caf\xE9",
                           "\xC3",
                           "\xC0\x80",
                           "\xED\xA0\x80",
                           "\xF4\x90\x80\x80",
                           "\xE2\x85\xA8\xFF",
                           "\x80"}) {  // not UTF-8
    EXPECT_EQ(prepared(text), text);
  }
}

TEST(SaslprepTest, LongPasswords) {
  constexpr std::size_t kSize = 20'000;
  std::string input;
  std::string output;
  for (std::size_t i = 0; i < kSize; ++i) {
    input += "\uFDFA";  // becomes 18 characters
    output +=
        "\u0635\u0644\u0649 \u0627\u0644\u0644\u0647 \u0639\u0644\u064A\u0647 "
        "\u0648\u0633\u0644\u0645";
  }
  EXPECT_EQ(prepared(input), output);
  EXPECT_EQ(prepared(std::string(kSize, 'x')), std::string(kSize, 'x'));
}

// What PostgreSQL 15 stored for passwords that are to be prepared, or cannot be.
TEST(SaslprepTest, PostgresPreparesTheSame) {
  struct Stored {
    const char* password;
    const char* verifier;
  };
  const Stored all[] = {
      {"IX",
       "SCRAM-SHA-256$4096:HOQ/Q3l7XjXX/qHv1UhXfQ==$UiRCK/oM/LbKKvGgIajvsEX8CPjMbSYaeG4kyCENW08=:"
       "pPtOwCulnoM5lNui8xD1WXSMOZEeA3JJQT/m3I8EV3A="},  // of "I", U+00AD, "X"
      {"I\u00ADX",
       "SCRAM-SHA-256$4096:vju0+CNBWxka2/cLGAuXjg==$4bE9jQcKvrGtkfwbVCHDSdtTW0HjJhJEpamoobbo2xI=:"
       "cAVzv8jWjzgkc/KS22G5yOBPTgTKkxPqRqtLwSXii2s="},  // of U+2168
      {"a",
       "SCRAM-SHA-256$4096:wHBIpR1ffU5TnhjKMwVkRg==$yrsL/ilul/WetogwPBdbZ2heG2dv3juDP6UILB1tLY0=:"
       "fijPDovDdEf86LOsZbbuTimNLnBPholTFAoAT1/LDRU="},  // of U+00AA
      {"\x07\u00AAx",
       "SCRAM-SHA-256$4096:fDYWICIEHVew4+27NkAwjA==$ZOWqV6qSot/GbUT6WwU8vB19an3svoyVSVfWf5yRMPs=:"
       "nbuZWOE6tn9OnCPzHzRQBPVgWMAnTB5OFJmhO4J++z4="},
      {"\u05D0\x31",
       "SCRAM-SHA-256$4096:ynoTkXZYtLCkS1zCxD4pOA==$SfRGm8+Wl4KZ8uXjpmCyByYj3W8D/vEFOfZEjZB9W+g=:"
       "/CYmKweczW3AhNiBdiRMlk+6qc6f2RGBrrCIarTBlGw="},
      {"\u00E9t e",
       "SCRAM-SHA-256$4096:e+Xlex0gsvcOozw/Wb4srw==$IJiebwQ6BymYJNVV8zbF4T/Zk+gbAgBFNqoYLB8D/rw=:"
       "kgUNi0JMyYIXTpVy2PraFWzfgElAooOFMQ+lLqe48w0="}};  // of "e", U+0301, "t", U+00A0, "e"
  const ScramVerifier stand_in = make_scram_verifier("x", tests::bytes("00"), 1);
  for (const auto& [password, verifier] : all) {
    const auto parsed = parse_verifier(verifier);
    EXPECT_TRUE(PasswordCheck(Secret(password), "any", parsed, stand_in).run()) << password;
    EXPECT_FALSE(PasswordCheck(Secret("other"), "any", parsed, stand_in).run());
  }
}

}  // namespace
}  // namespace server::auth

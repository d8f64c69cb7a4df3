#include "server/command/lexer.h"

#include <gtest/gtest.h>

#include <string>

#include "server/wire/errors.h"

namespace server::command {
namespace {

// All tokens on one line: KEYWORD, i:identifier, s:string, n:number, p:position, the symbol itself;
// "!" and the text of the error where there is one.
std::string tokens(std::string_view text) {
  settings::Notices notices;
  Lexer lexer(text, notices);
  std::string line;
  for (;;) {
    const auto token = lexer.next();
    if (!line.empty()) line += ' ';
    if (!token) return line + "!" + token.error().what;
    switch (token->kind) {
      case TokenKind::kKeyword:
      case TokenKind::kSymbol:
        line += token->text;
        break;
      case TokenKind::kIdentifier:
        line += "i:" + token->text;
        break;
      case TokenKind::kString:
        line += "s:" + token->text;
        break;
      case TokenKind::kNumber:
        line += "n:" + std::to_string(token->number);
        break;
      case TokenKind::kPosition:
        line += "p:" + wal::to_string(token->lsn);
        break;
      case TokenKind::kEnd:
        if (!line.empty()) line.pop_back();
        EXPECT_EQ(lexer.next()->kind, TokenKind::kEnd);
        return line;
    }
  }
}

TEST(LexerTest, KeywordsAreUpperCaseOnly) {
  EXPECT_EQ(tokens("IDENTIFY_SYSTEM"), "IDENTIFY_SYSTEM");
  EXPECT_EQ(tokens("identify_system"), "i:identify_system");
  EXPECT_EQ(tokens("Identify_System"), "i:identify_system");
  EXPECT_EQ(tokens("IDENTIFY_SYSTEMS SHOWN"), "i:identify_systems i:shown");
}

TEST(LexerTest, KnowsEveryKeyword) {
  for (const char* word :
       {"BASE_BACKUP", "CREATE_REPLICATION_SLOT", "DROP_REPLICATION_SLOT", "EXPORT_SNAPSHOT",
        "IDENTIFY_SYSTEM", "LOGICAL", "NOEXPORT_SNAPSHOT", "PHYSICAL", "READ_REPLICATION_SLOT",
        "RESERVE_WAL", "SHOW", "SLOT", "START_REPLICATION", "TEMPORARY", "TIMELINE",
        "TIMELINE_HISTORY", "TWO_PHASE", "USE_SNAPSHOT", "WAIT"}) {
    EXPECT_EQ(tokens(word), word);
  }
}

TEST(LexerTest, BlanksSeparateAndMeanNothing) {
  EXPECT_EQ(tokens(" \t\r\n\fSHOW\fx\f\r\n"), "SHOW i:x");
  EXPECT_EQ(tokens("\vSHOW"), "\v SHOW") << "a vertical tab is none";
  EXPECT_EQ(tokens(""), "");
  EXPECT_EQ(tokens(" \n "), "");
}

TEST(LexerTest, ThereAreNoComments) { EXPECT_EQ(tokens("-- x /* y */"), "- - i:x / * i:y * /"); }

TEST(LexerTest, FoldsIdentifiersButNotQuotedOnes) {
  EXPECT_EQ(tokens("TimeZone"), "i:timezone");
  EXPECT_EQ(tokens("\"TimeZone\""), "i:TimeZone");
  EXPECT_EQ(tokens("\"SHOW\""), "i:SHOW");
  EXPECT_EQ(tokens("\"a'b\" \"\""), "i:a'b i:");
  EXPECT_EQ(tokens("\"a\"\"b\""), "i:a\"b") << "since PostgreSQL 15.20";
  EXPECT_EQ(tokens("\"\"\"\""), "i:\"");
  EXPECT_EQ(tokens("_a$1 b"), "i:_a$1 i:b");
  EXPECT_EQ(tokens("\"a b\"c"), "i:a b i:c");
}

TEST(LexerTest, FoldsAsciiOnly) { EXPECT_EQ(tokens("\xC3\x84z"), "i:\xC3\x84z"); }

TEST(LexerTest, ReadsStrings) {
  EXPECT_EQ(tokens("'it''s' ''"), "s:it's s:");
  EXPECT_EQ(tokens("'\"'"), "s:\"");
}

TEST(LexerTest, AQuoteMustEnd) {
  EXPECT_EQ(tokens("'abc"), "!unterminated quoted string");
  EXPECT_EQ(tokens("SHOW \"abc"), "SHOW !unterminated quoted string");
  EXPECT_EQ(tokens("'a''"), "!unterminated quoted string");
  EXPECT_EQ(tokens("\"a\"\""), "!unterminated quoted string");
  settings::Notices notices;
  EXPECT_EQ(Lexer("'", notices).next().error().kind, &wire::kSyntaxError);
}

TEST(LexerTest, NumbersAreModulo2To32) {
  EXPECT_EQ(tokens("0 1 007 4294967295"), "n:0 n:1 n:7 n:4294967295");
  EXPECT_EQ(tokens("4294967296 4294967299"), "n:0 n:3");
  EXPECT_EQ(tokens("-1"), "- n:1");
  EXPECT_EQ(tokens("18446744073709551614"), "n:4294967294");
  EXPECT_EQ(tokens("12ab"), "n:12 i:ab");
}

TEST(LexerTest, PositionsAreHexInEitherCase) {
  EXPECT_EQ(tokens("0/0 16/B374D848 ab/cdef FF/1"), "p:0/0 p:16/B374D848 p:AB/CDEF p:FF/1");
  EXPECT_EQ(tokens("BEEF/1"), "p:BEEF/1");
  EXPECT_EQ(tokens("1/2/3"), "p:1/2 / n:3");
}

// As strtoul has it.
TEST(LexerTest, NumbersBeyond2To64AreTheGreatest) {
  for (const char* digits : {"18446744073709551615", "18446744073709551616", "18446744073709551617",
                             "99999999999999999999999"}) {
    EXPECT_EQ(tokens(digits), "n:4294967295") << digits;
  }
  EXPECT_EQ(tokens("0000000000000000000000018446744073709551613"), "n:4294967293");
  EXPECT_EQ(tokens("10000000000000001/F0000000000000000"), "p:FFFFFFFF/FFFFFFFF");
  EXPECT_EQ(tokens("0000000000000000000000001/1"), "p:1/1");
}

// sscanf's %X/%X keeps the low 32 bits of a half that has too many digits.
TEST(LexerTest, HalvesOfAPositionAreModulo2To32) {
  EXPECT_EQ(tokens("000000001/000000002"), "p:1/2");
  EXPECT_EQ(tokens("100000001/F00000002"), "p:1/2");
}

TEST(LexerTest, WhatOnlyLooksLikeAPositionIsNone) {
  EXPECT_EQ(tokens("1/"), "n:1 /");
  EXPECT_EQ(tokens("/1"), "/ n:1");
  EXPECT_EQ(tokens("1/g"), "n:1 / i:g");
  EXPECT_EQ(tokens("1A/"), "n:1 i:a /");
  EXPECT_EQ(tokens("beg/1"), "i:beg / n:1");
  EXPECT_EQ(tokens("1 /2"), "n:1 / n:2");
}

TEST(LexerTest, CutsLongIdentifiersAndSaysSo) {
  const std::string longest(63, 'a');
  for (const std::string& text : {longest + "B", "\"" + longest + "b\""}) {
    settings::Notices notices;
    EXPECT_EQ(Lexer(text, notices).next()->text, longest);
    ASSERT_EQ(notices.size(), 1u);
    EXPECT_EQ(notices[0].kind, &wire::kNameTooLong);
    EXPECT_EQ(notices[0].what,
              "identifier \"" + longest + "b\" will be truncated to \"" + longest + "\"");
  }
  settings::Notices notices;
  EXPECT_EQ(Lexer(longest, notices).next()->text, longest);
  EXPECT_EQ(Lexer("'" + longest + "b'", notices).next()->text, longest + "b") << "no identifier";
  EXPECT_TRUE(notices.empty());
}

TEST(LexerTest, EveryOtherByteIsASymbol) {
  EXPECT_EQ(tokens("();,.=*"), "( ) ; , . = *");
  EXPECT_EQ(tokens(std::string_view("\0", 1)), std::string(1, '\0'));
}

}  // namespace
}  // namespace server::command

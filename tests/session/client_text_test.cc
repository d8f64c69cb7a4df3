#include "server/session/client_text.h"

#include <gtest/gtest.h>

#include <string>

#include "server/wire/errors.h"

namespace server::session {
namespace {

// The error's text; empty if there is none.
std::string refusal(std::string_view encoding, std::string_view text) {
  const auto checked = check_received_text(*settings::find_encoding(encoding), text);
  if (checked) return {};
  EXPECT_EQ(checked.error().kind, &wire::kCharacterNotInRepertoire);
  return checked.error().what;
}

// The bytes that are told as no character of the encoding.
std::string wrong_bytes(const std::string& encoding, std::string_view text) {
  const std::string what = refusal(encoding, text);
  const std::string begin = "invalid byte sequence for encoding \"" + encoding + "\": ";
  return what.starts_with(begin) ? what.substr(begin.size()) : what;
}

// All of this is as PostgreSQL 15 answers.

TEST(ClientTextTest, TakesUtf8) {
  for (const char* text : {"", "SHOW x", "\x7f", "\u00e9\u07ff", "\u0800\u2603\uffff",
                           "\U00010000\U0010ffff", "\ud7ff\ue000"}) {
    EXPECT_EQ(refusal("UTF8", text), "") << text;
    EXPECT_EQ(refusal("UNICODE", text), "") << text;
  }
}

TEST(ClientTextTest, TellsTheBytesThatAreNoUtf8) {
  const std::pair<const char*, const char*> cases[] = {{"\x80", "0x80"},
                                                       {"ab\xe9\"c", "0xe9 0x22 0x63"},
                                                       {"\xe9\"", "0xe9 0x22"},
                                                       {"\xe2\x98\"", "0xe2 0x98 0x22"},
                                                       {"\u00e9\xc3", "0xc3"},
                                                       {"\xc1\xbf", "0xc1 0xbf"},
                                                       {"\xe0\x9f\xbf", "0xe0 0x9f 0xbf"},
                                                       {"\xed\xa0\x80", "0xed 0xa0 0x80"},
                                                       {"\xf0\x8f\xbf\xbf", "0xf0 0x8f 0xbf 0xbf"},
                                                       {"\xf4\x90\x80\x80", "0xf4 0x90 0x80 0x80"},
                                                       {"\xf5\x80\x80\x80", "0xf5 0x80 0x80 0x80"},
                                                       {"\xf8\x88\x80\x80\x80", "0xf8"},
                                                       {"\xff", "0xff"}};
  for (const auto& [text, bytes] : cases) EXPECT_EQ(wrong_bytes("UTF8", text), bytes);
  EXPECT_EQ(refusal("UNICODE", "\xff"), "invalid byte sequence for encoding \"UTF8\": 0xff");
}

TEST(ClientTextTest, ChecksTheOtherEncodingsOfManyBytes) {
  const std::pair<const char*, const char*> good[] = {
      {"EUC_JP", "a\x8e\xa1\x8f\xa1\xfe\xe9\xa1"},
      {"EUC_JIS_2004", "\x8e\xdf\xa1\xa1"},
      {"EUC_CN", "\xa1\xfe"},
      {"EUC_KR", "\xfe\xa1z"},
      {"EUC_TW", "\x8e\xa7\xa1\xa1\x80\xa1"},
      {"MULE_INTERNAL", "\x81\x80\x9c\x80\x80\xff\xff"}};
  for (const auto& [encoding, text] : good) EXPECT_EQ(refusal(encoding, text), "");
  const std::tuple<const char*, const char*, const char*> bad[] = {
      {"EUC_JP", "\xe2\x98\x83", "0xe2 0x98"},
      {"EUC_JP", "\x80\"", "0x80 0x22"},
      {"EUC_JP", "\x8e\xe0", "0x8e 0xe0"},
      {"EUC_JP", "\x8f\xa1", "0x8f 0xa1"},
      {"EUC_CN", "\x8e\xa1\xa1", "0x8e 0xa1 0xa1"},
      {"EUC_KR", "\x8f\xa1\xa1", "0x8f 0xa1 0xa1"},
      {"EUC_TW", "\x8f\xa1\xa1", "0x8f 0xa1 0xa1"},
      {"EUC_TW", "\x8e\xa8\xa1\xa1", "0x8e 0xa8 0xa1 0xa1"},
      {"MULE_INTERNAL", "\x90\x80z", "0x90 0x80 0x7a"}};
  for (const auto& [encoding, text, bytes] : bad) EXPECT_EQ(wrong_bytes(encoding, text), bytes);
}

TEST(ClientTextTest, EveryByteIsACharacterElsewhere) {
  for (const char* encoding : {"SQL_ASCII", "LATIN1", "WIN1252", "KOI8R"}) {
    EXPECT_EQ(refusal(encoding, "\x80\xff"), "") << encoding;
  }
}

TEST(ClientTextTest, TakesOnlyAsciiWhereNoServerHasTheEncoding) {
  for (const char* encoding :
       {"SJIS", "BIG5", "GBK", "UHC", "GB18030", "JOHAB", "SHIFT_JIS_2004"}) {
    EXPECT_EQ(refusal(encoding, "SHOW x"), "") << encoding;
    EXPECT_EQ(refusal(encoding, "a\xc3\xa9"),
              "invalid byte value for encoding \"SQL_ASCII\": 0xc3");
  }
}

TEST(ClientTextTest, ChecksWhatIsSentToo) {
  EXPECT_TRUE(check_sent_text(settings::Encoding::kUtf8, "\u2603"));
  EXPECT_EQ(check_sent_text(settings::Encoding::kUtf8, "\xff\"").error().what,
            "invalid byte sequence for encoding \"UTF8\": 0xff");
  EXPECT_TRUE(check_sent_text(settings::Encoding::kLatin1, "\xff"));
  const std::pair<const char*, const char*> good[] = {{"SJIS", "\xa1\xe0\x40"},
                                                      {"SHIFT_JIS_2004", "\x81\xfc"},
                                                      {"BIG5", "\xff\""},
                                                      {"GBK", "\x80\""},
                                                      {"UHC", "\x8d\""},
                                                      {"JOHAB", "\x8f\xa1\xa1\xff\xa1"},
                                                      {"GB18030", "\x81\x30\x81\x39\xfe\xfe"}};
  for (const auto& [encoding, text] : good) {
    EXPECT_TRUE(check_sent_text(*settings::find_encoding(encoding), text)) << encoding;
  }
  const std::tuple<const char*, const char*, const char*> bad[] = {
      {"SJIS", "\xff\"", "0xff 0x22"},      {"SJIS", "\x81\x7f", "0x81 0x7f"},
      {"BIG5", "\x8d ", "0x8d 0x20"},       {"JOHAB", "\x80\"", "0x80 0x22"},
      {"GB18030", "\x80\x40", "0x80 0x40"}, {"GB18030", "\x81\x30\x81", "0x81 0x30 0x81"}};
  for (const auto& [encoding, text, bytes] : bad) {
    EXPECT_EQ(check_sent_text(*settings::find_encoding(encoding), text).error().what,
              "invalid byte sequence for encoding \"" + std::string(encoding) + "\": " + bytes);
  }
}

}  // namespace
}  // namespace server::session

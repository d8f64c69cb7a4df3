#include "server/wire/message.h"

#include <gtest/gtest.h>

#include <array>
#include <functional>

#include "server/wire/errors.h"
#include "tests/support/bytes.h"

namespace server::wire {
namespace {

std::vector<std::byte> written(const std::function<void(MessageWriter&)>& write) {
  MessageWriter out(std::pmr::get_default_resource());
  write(out);
  return {out.bytes().begin(), out.bytes().end()};
}

// What PostgreSQL 18.6 answers to IDENTIFY_SYSTEM, byte for byte.
TEST(MessageTest, AResultSet) {
  EXPECT_EQ(
      written([](MessageWriter& out) {
        out.row_description(
            {{"systemid", kText}, {"timeline", kInt8}, {"xlogpos", kText}, {"dbname", kText}});
        out.data_row({"7711103985084528860", "1", "0/B031A20", std::nullopt});
        out.command_complete("IDENTIFY_SYSTEM");
        out.ready_for_query();
      }),
      tests::bytes("54 0000006f 0004"
                   "73797374656d696400 00000000 0000 00000019 ffff ffffffff 0000"
                   "74696d656c696e6500 00000000 0000 00000014 0008 ffffffff 0000"
                   "786c6f67706f7300   00000000 0000 00000019 ffff ffffffff 0000"
                   "64626e616d6500     00000000 0000 00000019 ffff ffffffff 0000"
                   "44 00000033 0004 00000013 \"7711103985084528860\" 00000001 \"1\""
                   "00000009 \"0/B031A20\" ffffffff"
                   "43 00000014 \"IDENTIFY_SYSTEM\" 00"
                   "5a 00000005 49"));
}

// The same for SHOW wal_segment_size and SHOW data_directory_mode.
TEST(MessageTest, AShownValue) {
  EXPECT_EQ(written([](MessageWriter& out) {
              out.row_description({{"wal_segment_size", kText}});
              out.data_row({"16MB"});
              out.command_complete("SHOW");
              out.data_row({"0700"});
            }),
            tests::bytes("54 00000029 0001 \"wal_segment_size\" 00 00000000 0000 00000019 ffff"
                         "ffffffff 0000"
                         "44 0000000e 0001 00000004 31364d42 43 00000009 53484f5700"
                         "44 0000000e 0001 00000004 30373030"));
}

TEST(MessageTest, AStringEndsAtItsFirstNul) {
  using namespace std::string_literals;
  EXPECT_EQ(
      written([](MessageWriter& out) {
        out.error_response(Severity::kFatal,
                           {.kind = &kProtocolViolation, .what = "a\0b"s, .hint = "h"});
      }),
      tests::bytes("45 00000020 \"SFATAL\" 00 \"VFATAL\" 00 \"C08P01\" 00 \"Ma\" 00 \"Hh\" 00 "
                   "00"));
}

// The same for the end of a historic timeline, and of a stream.
TEST(MessageTest, TheNextTimeline) {
  EXPECT_EQ(
      written([](MessageWriter& out) {
        out.copy_done();
        out.row_description({{"next_tli", kInt8}, {"next_tli_startpos", kText}});
        out.data_row({"2", "0/3029D08"});
        out.command_complete("START_STREAMING");
        out.command_complete("START_REPLICATION");
      }),
      tests::bytes("63 00000004"
                   "54 00000045 0002"
                   "\"next_tli\" 00 00000000 0000 00000014 0008 ffffffff 0000"
                   "\"next_tli_startpos\" 00 00000000 0000 00000019 ffff ffffffff 0000"
                   "44 00000018 0002 00000001 \"2\" 00000009 \"0/3029D08\""
                   "43 00000014 \"START_STREAMING\" 00 43 00000016 \"START_REPLICATION\" 00"));
}

TEST(MessageTest, CopyBothResponse) {
  EXPECT_EQ(written([](MessageWriter& out) { out.copy_both_response(); }),
            tests::bytes("57 00000007 00 0000"));
}

TEST(MessageTest, CopyZeroAtShutdown) {
  EXPECT_EQ(written([](MessageWriter& out) { out.command_complete("COPY 0"); }),
            tests::bytes("43 0000000b \"COPY 0\" 00"));
}

TEST(MessageTest, TypeModifiersAndOtherTypes) {
  EXPECT_EQ(written([](MessageWriter& out) {
              out.row_description({{.name = "a", .type = kBytea, .type_modifier = 0},
                                   {.name = "b", .type = kInt4}});
            }),
            tests::bytes("54 0000002e 0002"
                         "\"a\" 00 00000000 0000 00000011 ffff 00000000 0000"
                         "\"b\" 00 00000000 0000 00000017 0004 ffffffff 0000"));
}

TEST(MessageTest, AnEmptyValueIsNotNull) {
  EXPECT_EQ(written([](MessageWriter& out) {
              out.data_row({"", std::nullopt});
            }),
            tests::bytes("44 0000000e 0002 00000000 ffffffff"));
}

TEST(MessageTest, TheGreeting) {
  EXPECT_EQ(written([](MessageWriter& out) {
              out.authentication_ok();
              out.parameter_status("TimeZone", "UTC");
              out.backend_key_data(4711, tests::bytes("deadbeef"));
            }),
            tests::bytes("52 00000008 00000000"
                         "53 00000011 \"TimeZone\" 00 \"UTC\" 00"
                         "4b 0000000c 00001267 deadbeef"));
}

// The requests of PostgreSQL 15, and what it says in an exchange.
TEST(MessageTest, AuthenticationRequests) {
  EXPECT_EQ(written([](MessageWriter& out) { out.authentication_cleartext_password(); }),
            tests::bytes("52 00000008 00000003"));
  const auto salt = tests::bytes("3aeb5d96");
  EXPECT_EQ(written([&](MessageWriter& out) {
              out.authentication_md5_password(std::span(salt).first<4>());
            }),
            tests::bytes("52 0000000c 00000005 3aeb5d96"));
  const std::array<std::string_view, 2> mechanisms{"SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"};
  EXPECT_EQ(written([&](MessageWriter& out) { out.authentication_sasl(mechanisms); }),
            tests::bytes("52 0000002a 0000000a \"SCRAM-SHA-256-PLUS\" 00 \"SCRAM-SHA-256\" 00 00"));
  EXPECT_EQ(written([](MessageWriter& out) {
              out.authentication_sasl_continue("r=a,s=b,i=1");
              out.authentication_sasl_continue("");
              out.authentication_sasl_final("v=c");
            }),
            tests::bytes("52 00000013 0000000b \"r=a,s=b,i=1\" 52 00000008 0000000b"
                         "52 0000000b 0000000c \"v=c\""));
}

TEST(MessageTest, NegotiateProtocolVersion) {
  const std::array<std::string_view, 2> options{"_pq_.a", "_pq_.bc"};
  EXPECT_EQ(
      written([&](MessageWriter& out) { out.negotiate_protocol_version(0x00030000, options); }),
      tests::bytes("76 0000001b 00030000 00000002 \"_pq_.a\" 00 \"_pq_.bc\" 00"));
  EXPECT_EQ(written([](MessageWriter& out) { out.negotiate_protocol_version(0x00030000, {}); }),
            tests::bytes("76 0000000c 00030000 00000000"));
}

TEST(MessageTest, AnErrorLeavesOutEmptyFields) {
  EXPECT_EQ(written([](MessageWriter& out) {
              out.error_response(Severity::kError, {.kind = &kSyntaxError, .what = "syntax error"});
            }),
            tests::bytes("45 00000028 \"SERROR\" 00 \"VERROR\" 00 \"C42601\" 00"
                         "\"Msyntax error\" 00 00"));
}

TEST(MessageTest, AnErrorHasDetailAndHint) {
  EXPECT_EQ(written([](MessageWriter& out) {
              out.error_response(
                  Severity::kFatal,
                  {.kind = &kProtocolViolation, .what = "w", .detail = "d", .hint = "h"});
            }),
            tests::bytes("45 00000023 \"SFATAL\" 00 \"VFATAL\" 00 \"C08P01\" 00"
                         "\"Mw\" 00 \"Dd\" 00 \"Hh\" 00 00"));
}

TEST(MessageTest, ANoticeHasItsOwnType) {
  EXPECT_EQ(written([](MessageWriter& out) {
              out.notice_response(Severity::kNotice, {.kind = &kNameTooLong, .what = "w"});
            }),
            tests::bytes("4e 0000001f \"SNOTICE\" 00 \"VNOTICE\" 00 \"C42622\" 00 \"Mw\" 00 00"));
  EXPECT_EQ(written([](MessageWriter& out) {
              out.notice_response(Severity::kWarning, {.kind = &kNameTooLong, .what = "w"});
            }),
            tests::bytes("4e 00000021 \"SWARNING\" 00 \"VWARNING\" 00 \"C42622\" 00 \"Mw\" 00 00"));
}

TEST(MessageTest, WhatIsNoMessage) {
  EXPECT_EQ(written([](MessageWriter& out) { out.raw('N'); }), tests::bytes("4e"));
  EXPECT_EQ(written([](MessageWriter& out) { out.old_style_fatal("no"); }),
            tests::bytes("\"EFATAL:  no\" 0a 00"));
}

}  // namespace
}  // namespace server::wire

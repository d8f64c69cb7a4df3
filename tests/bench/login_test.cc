#include "bench/walbench/login.h"

#include <gtest/gtest.h>

#include <memory_resource>

#include "bench/walbench/failures.h"
#include "server/wire/errors.h"
#include "server/wire/message.h"
#include "server/wire/startup.h"

namespace bench::walbench {
namespace {

using behaviour::StartPoint;
using server::wal::Lsn;
using server::wal::SegmentSize;
using server::wal::TimelineId;
using server::wire::MessageWriter;

std::string text_of(const Login::Step& step) {
  if (step.send.empty()) return "";
  return {reinterpret_cast<const char*>(step.send.data()) + 5, step.send.size() - 6};
}

// Feeds what `write` composes to a login, and gives what the last message led to.
template <typename Write>
runtime::Result<Login::Step> answer(Login& login, Write write) {
  MessageWriter writer(std::pmr::new_delete_resource());
  write(writer);
  BackendFramer framer;
  std::span<const std::byte> input = writer.bytes();
  runtime::Result<Login::Step> step(Login::Step{});
  while (step.has_value() && framer.next(input) == BackendFramer::Item::kMessage) {
    step = login.on_message(framer.message());
  }
  return step;
}

runtime::Result<Login::Step> greet(Login& login) {
  return answer(login, [](MessageWriter& w) {
    w.authentication_ok();
    w.parameter_status("server_version", "15.0");
    w.backend_key_data(1, {});
    w.ready_for_query();
  });
}

runtime::Result<Login::Step> identify(Login& login, std::string_view timeline = "3",
                                      std::string_view position = "0/B0000A8") {
  return answer(login, [&](MessageWriter& w) {
    w.row_description({{"systemid", server::wire::kText}});
    w.data_row({"7711103985084528860", timeline, position, std::nullopt});
    w.command_complete("IDENTIFY_SYSTEM");
    w.ready_for_query();
  });
}

runtime::Result<Login::Step> show(Login& login, std::string_view size = "16MB") {
  return answer(login, [&](MessageWriter& w) {
    w.data_row({size});
    w.ready_for_query();
  });
}

Login login_of(Login::Wish wish, const std::string& password = "") {
  static ScramKeys keys;
  static server::auth::SystemRandom random;
  return Login(std::move(wish), PasswordProof("someone", password, keys, random));
}

TEST(LoginTest, GreetsAsAPhysicalStandby) {
  const Bytes bytes = Login::greeting("someone", "walbench_7");
  const auto packet = server::wire::parse_startup_packet(std::span(bytes).subspan(4), false, false);
  ASSERT_TRUE(packet.has_value());
  const auto& startup = std::get<server::wire::StartupMessage>(*packet);
  EXPECT_EQ(startup.version, server::wire::kProtocolVersion);
  using Parameters = decltype(startup.parameters);
  EXPECT_EQ(startup.parameters, (Parameters{{"user", "someone"},
                                            {"database", "replication"},
                                            {"replication", "true"},
                                            {"application_name", "walbench_7"}}));
}

TEST(LoginTest, StartsWhereTheServersNewestSegmentBegins) {
  Login login = login_of({});
  EXPECT_EQ(text_of(*greet(login)), "IDENTIFY_SYSTEM");
  EXPECT_EQ(text_of(*identify(login)), "SHOW wal_segment_size");
  EXPECT_EQ(text_of(*show(login)), "START_REPLICATION PHYSICAL 0/B000000 TIMELINE 3");
  const auto step = answer(login, [](MessageWriter& w) { w.copy_both_response(); });
  ASSERT_TRUE(step.has_value());
  ASSERT_TRUE(step->stream.has_value());
  const StreamPlan& plan = *step->stream;
  EXPECT_EQ(plan.timeline, TimelineId{3});
  EXPECT_EQ(plan.segment_size, SegmentSize(16 << 20));
  EXPECT_EQ(plan.start, Lsn(0xB000000));
  EXPECT_EQ(plan.server_major, 15u);
}

TEST(LoginTest, StartsAtTheEndIfItIsToldTo) {
  Login login = login_of({.start = {.kind = StartPoint::Kind::kEnd}});
  ASSERT_TRUE(greet(login).has_value());
  ASSERT_TRUE(identify(login).has_value());
  EXPECT_EQ(text_of(*show(login)), "START_REPLICATION PHYSICAL 0/B0000A8 TIMELINE 3");
}

TEST(LoginTest, StartsWhereItIsTold) {
  Login login = login_of({.timeline = TimelineId{2}, .start = StartPoint::at(Lsn(0x1234))});
  ASSERT_TRUE(greet(login).has_value());
  ASSERT_TRUE(identify(login).has_value());
  EXPECT_EQ(text_of(*show(login)), "START_REPLICATION PHYSICAL 0/1234 TIMELINE 2");
}

TEST(LoginTest, AServersErrorIsTheReason) {
  Login login = login_of({});
  const auto step = answer(login, [](MessageWriter& w) {
    w.error_response(server::wire::Severity::kFatal,
                     {.kind = &server::wire::kTooManyConnections, .what = "full", .detail = "d"});
  });
  ASSERT_FALSE(step.has_value());
  EXPECT_EQ(step.error().kind, &kServerError);
  EXPECT_EQ(step.error().what, "server error 53300: full");
  EXPECT_EQ(step.error().detail, "d");
}

TEST(LoginTest, APasswordThatIsAskedForMustBeThere) {
  for (const int code : {3, 5, 10, 7}) {
    const std::array<std::byte, 4> body{std::byte{0}, std::byte{0}, std::byte{0},
                                        static_cast<std::byte>(code)};
    Login login = login_of({});
    const auto step = login.on_message({.type = 'R', .body = body});
    ASSERT_FALSE(step.has_value());
    EXPECT_EQ(step.error().kind, &kAuthentication);
  }
}

TEST(LoginTest, APasswordIsSentWhenItIsAskedFor) {
  const std::array<std::byte, 4> body{std::byte{0}, std::byte{0}, std::byte{0}, std::byte{3}};
  Login login = login_of({}, "secret");
  const auto step = login.on_message({.type = 'R', .body = body});
  ASSERT_TRUE(step.has_value());
  EXPECT_EQ(static_cast<char>(step->send.at(0)), 'p');
  EXPECT_EQ(text_of(*step), "secret");
}

// The server is at 0/B0000A8.
std::string start_command(const StartPoint& start) {
  Login login = login_of({.start = start});
  EXPECT_TRUE(greet(login).has_value());
  EXPECT_TRUE(identify(login).has_value());
  return text_of(*show(login));
}

TEST(LoginTest, StartsAtTheEndOrSoMuchBeforeIt) {
  EXPECT_EQ(start_command({.kind = StartPoint::Kind::kEnd}),
            "START_REPLICATION PHYSICAL 0/B0000A8 TIMELINE 3");
  EXPECT_EQ(start_command({.kind = StartPoint::Kind::kBack, .back_bytes = 1 << 20}),
            "START_REPLICATION PHYSICAL 0/AF000A8 TIMELINE 3");
  EXPECT_EQ(start_command({.kind = StartPoint::Kind::kBack, .back_bytes = 1 << 30}),
            "START_REPLICATION PHYSICAL 0/1000000 TIMELINE 3");
}

TEST(LoginTest, ASlotIsMadeBeforeItIsUsed) {
  Login login = login_of({.slot = "s_1", .makes_slot = true});
  ASSERT_TRUE(greet(login).has_value());
  ASSERT_TRUE(identify(login).has_value());
  EXPECT_EQ(text_of(*show(login)), "CREATE_REPLICATION_SLOT \"s_1\" PHYSICAL RESERVE_WAL");
  EXPECT_STREQ(login.waits_for(), "CREATE_REPLICATION_SLOT");
  EXPECT_FALSE(login.has_made_slot());
  const auto made = answer(login, [](MessageWriter& w) {
    w.data_row({"s_1", "0/B0000A8", std::nullopt, std::nullopt});
    w.ready_for_query();
  });
  EXPECT_TRUE(login.has_made_slot());
  EXPECT_EQ(text_of(*made), "START_REPLICATION SLOT \"s_1\" PHYSICAL 0/B000000 TIMELINE 3");
}

TEST(LoginTest, ASlotThatCannotBeMadeIsAFailure) {
  Login login = login_of({.slot = "s_1", .makes_slot = true});
  ASSERT_TRUE(greet(login).has_value());
  ASSERT_TRUE(identify(login).has_value());
  ASSERT_TRUE(show(login).has_value());
  const auto step = answer(login, [](MessageWriter& w) {
    w.error_response(server::wire::Severity::kError,
                     {.kind = &server::wire::kTooManyConnections, .what = "no room"});
  });
  EXPECT_FALSE(step.has_value());
  EXPECT_FALSE(login.has_made_slot());
}

TEST(LoginTest, AFollowerGoesOnWhereItsTimelineHasEnded) {
  Login login = login_of({.start = StartPoint::at(Lsn(0xB000000)), .follows_timelines = true});
  ASSERT_TRUE(greet(login).has_value());
  ASSERT_TRUE(identify(login).has_value());
  ASSERT_TRUE(show(login).has_value());
  const auto step = answer(login, [](MessageWriter& w) {
    w.data_row({"4", "0/B000000"});
    w.ready_for_query();
  });
  ASSERT_TRUE(step.has_value());
  EXPECT_EQ(text_of(*step), "START_REPLICATION PHYSICAL 0/B000000 TIMELINE 4");
}

TEST(LoginTest, MalformedAnswersAreRefused) {
  for (const auto& [timeline, position] : std::vector<std::pair<std::string, std::string>>{
           {"", "0/1"}, {"x", "0/1"}, {"0", "0/1"}, {"1x", "0/1"}, {"1", "0"}, {"1", ""}}) {
    Login login = login_of({});
    ASSERT_TRUE(greet(login).has_value());
    EXPECT_FALSE(identify(login, timeline, position).has_value());
  }
  for (const char* size : {"", "16", "MB", "16kB", "3MB", "4GB", "0MB", "16MB "}) {
    Login login = login_of({});
    ASSERT_TRUE(greet(login).has_value());
    ASSERT_TRUE(identify(login).has_value());
    EXPECT_FALSE(show(login, size).has_value()) << size;
  }
}

TEST(LoginTest, ARowMustNotBeLongerThanItsMessage) {
  const std::array row{std::byte{0}, std::byte{1}, std::byte{0},  std::byte{0},
                       std::byte{0}, std::byte{2}, std::byte{'x'}};
  EXPECT_FALSE(parse_row(row).has_value());
  EXPECT_FALSE(parse_row(std::span(row).first(4)).has_value());
  EXPECT_FALSE(parse_row({}).has_value());
}

TEST(LoginTest, AMissingAnswerIsRefused) {
  Login login = login_of({});
  const auto ready = [](MessageWriter& w) { w.ready_for_query(); };
  ASSERT_TRUE(greet(login).has_value());
  const auto step = answer(login, ready);
  ASSERT_FALSE(step.has_value());
  EXPECT_EQ(step.error().what, "no answer to IDENTIFY_SYSTEM");
}

TEST(LoginTest, AStreamBeforeItIsAskedForIsRefused) {
  Login login = login_of({});
  EXPECT_FALSE(answer(login, [](MessageWriter& w) { w.copy_both_response(); }).has_value());
}

TEST(LoginTest, AStartAtATimelinesEndIsNoStream) {
  Login login = login_of({});
  ASSERT_TRUE(greet(login).has_value());
  ASSERT_TRUE(identify(login).has_value());
  ASSERT_TRUE(show(login).has_value());
  const auto step = answer(login, [](MessageWriter& w) {
    w.data_row({"4", "0/B000000"});
    w.ready_for_query();
  });
  ASSERT_FALSE(step.has_value());
  EXPECT_EQ(step.error().what, "server has no more WAL on this timeline");
}

}  // namespace
}  // namespace bench::walbench

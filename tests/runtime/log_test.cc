#include "runtime/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <string>

#include "runtime/thread.h"
#include "tests/support/log_pipe.h"
#include "tests/support/logged.h"

namespace runtime::log {
namespace {

using tests::logged;

struct LogTest : testing::Test {
  void TearDown() override { set_level(Level::kLog); }

  static void log_all_levels() {
    debug("one");
    info("two");
    log("three");
    warning("four");
    error("five");
    fatal("six");
  }
  static std::string log_all() { return logged(log_all_levels); }
};

TEST_F(LogTest, ALineIsWhatPostgresWouldWrite) {
  const std::string line = logged([] {
    const NamedThread thread("loop-7", [](memctx::Context& /*top*/) { log("n={} {}", 1, "x"); });
  });
  EXPECT_THAT(line, testing::MatchesRegex("[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}\\."
                                          "[0-9]{3} UTC \\[" +
                                          std::to_string(::getpid()) + "\\] loop-7 LOG:  n=1 x\n"));
}

TEST_F(LogTest, EveryLevelHasItsName) {
  set_level(Level::kDebug);
  const std::string lines = log_all();
  for (const char* line : {" DEBUG:  one\n", " INFO:  two\n", " LOG:  three\n", " WARNING:  four\n",
                           " ERROR:  five\n", " FATAL:  six\n"}) {
    EXPECT_THAT(lines, testing::HasSubstr(line));
  }
}

TEST_F(LogTest, StartsAtLevelLog) {
  const std::string lines = log_all();
  EXPECT_THAT(lines, testing::Not(testing::HasSubstr("one")));
  EXPECT_THAT(lines, testing::Not(testing::HasSubstr("two")));
  EXPECT_THAT(lines, testing::HasSubstr("three"));
}

TEST_F(LogTest, DropsWhatIsBelowItsLevel) {
  set_level(Level::kFatal);
  const std::string lines = log_all();
  EXPECT_EQ(std::count(lines.begin(), lines.end(), '\n'), 1);
  EXPECT_THAT(lines, testing::HasSubstr("six"));
  EXPECT_EQ(logged([] { write(Level::kError, "a text that was made elsewhere"); }), "");
}

TEST_F(LogTest, BracesInAMessageAreTakenAsTheyAre) {
  EXPECT_THAT(logged([] { write(Level::kLog, "{} {0} {"); }),
              testing::HasSubstr("LOG:  {} {0} {\n"));
}

// As PostgreSQL's: the detail and the hint are no messages of the level.
TEST_F(LogTest, AnErrorHasItsDetailAndItsHintInLinesOfTheirOwn) {
  const ErrorKind kind{"x", "XX000"};
  const Error error{.kind = &kind, .what = "one", .detail = "two", .hint = "three"};
  EXPECT_THAT(logged([&] { report(Level::kFatal, error); }),
              testing::MatchesRegex("[^\n]* FATAL:  one\n[^\n]* DETAIL:  two\n"
                                    "[^\n]* HINT:  three\n"));
  EXPECT_THAT(logged([&] { report(Level::kError, {.kind = &kind, .what = "one"}); }),
              testing::MatchesRegex("[^\n]* ERROR:  one\n"));
  set_level(Level::kFatal);
  EXPECT_EQ(logged([&] { report(Level::kError, error); }), "");
}

TEST_F(LogTest, WithAThreadOfItsOwnItSaysTheSame) {
  const std::string lines = logged([] {
    start();
    log_all_levels();
    stop();
    log("after");
  });
  for (const char* line :
       {" LOG:  three\n", " WARNING:  four\n", " FATAL:  six\n", " LOG:  after\n"}) {
    EXPECT_THAT(lines, testing::HasSubstr(line));
  }
}

// Its reader stands still, as `2> >(sleep 1000)` does.
TEST_F(LogTest, AReaderThatStandsStillStopsNoThread) {
  tests::LogPipe pipe;
  start();
  for (int i = 0; i < 100'000; ++i) log("line {}", i);
  EXPECT_TRUE(pipe.wait_for("lines of the log were dropped"));
  fatal("the end");
  EXPECT_TRUE(pipe.wait_for("FATAL:  the end\n"));
  stop();
}

}  // namespace
}  // namespace runtime::log

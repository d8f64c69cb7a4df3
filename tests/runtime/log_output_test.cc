#include "runtime/log_output.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "runtime/fd.h"
#include "runtime/format.h"
#include "runtime/log.h"
#include "tests/support/logged.h"

namespace runtime::log {
namespace {

using Form = Destinations::Form;

struct LogOutputTest : testing::Test {
  void TearDown() override { set_output({}); }
};

Event event(Level level = Level::kLog) {
  return {.level = level, .message = "a message", .thread = "main", .process = {.process_id = 1}};
}

std::string written(OutputOptions options, const Event& event) {
  return tests::logged([&] {
    Output output;
    output.set(std::move(options));
    output.put(event);
  });
}

TEST_F(LogOutputTest, WritesTextJsonOrNothingToStandardError) {
  EXPECT_EQ(written({.destinations = {.on_stderr = Form::kText}, .prefix = "%p "}, event()),
            "1 LOG:  a message\n");
  EXPECT_THAT(written({.destinations = {.on_stderr = Form::kJson}, .prefix = "%p "}, event()),
              testing::StartsWith("{\"timestamp\":"));
  EXPECT_EQ(written({.destinations = {.on_stderr = Form::kNone}}, event()), "");
}

TEST_F(LogOutputTest, TheUsualPrefixHasThreadAndInASessionRoleAndApplication) {
  const Client client{.address = "192.0.2.1:77", .user = "u", .application_name = "a"};
  Event line = event();
  EXPECT_THAT(written({}, line), testing::EndsWith(" UTC [1] main LOG:  a message\n"));
  line.client = &client;
  EXPECT_THAT(written({}, line), testing::EndsWith(" UTC [1] walsender u a LOG:  a message\n"));
}

// The environment of a service whose standard error is the journal's.
TEST_F(LogOutputTest, LinesForTheJournalHaveTheirPriorityBeforeThem) {
  const std::string text = tests::logged([] {
    struct stat file {};
    ASSERT_EQ(::fstat(STDERR_FILENO, &file), 0);
    ::setenv("JOURNAL_STREAM", format("{}:{}", file.st_dev, file.st_ino).c_str(), 1);
    Output output;
    ::unsetenv("JOURNAL_STREAM");
    output.set({.prefix = ""});
    Event line = event(Level::kFatal);
    line.hint = "a hint";
    output.put(line);
    output.set({.destinations = {.on_stderr = Form::kJson}});
    output.put(event());
  });
  EXPECT_THAT(text, testing::StartsWith("<3>FATAL:  a message\n<3>HINT:  a hint\n<6>{\""));
}

TEST_F(LogOutputTest, ADescriptorIsTheJournalsByItsDeviceAndInodeOnly) {
  const UniqueFd file(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  struct stat known {};
  ASSERT_EQ(::fstat(file.get(), &known), 0);
  EXPECT_TRUE(is_journal(file.get(), format("{}:{}", known.st_dev, known.st_ino).c_str()));
  EXPECT_FALSE(is_journal(file.get(), format("{}:{}", known.st_dev, known.st_ino + 1).c_str()));
  EXPECT_FALSE(is_journal(file.get(), ""));
  EXPECT_FALSE(is_journal(file.get(), nullptr));
  EXPECT_FALSE(is_journal(-1, "1:1"));
}

TEST_F(LogOutputTest, WhatWasLoggedComesOutBeforeItStops) {
  const std::string text = tests::logged([] {
    Output output;
    output.start();
    output.set({.prefix = ""});
    for (int i = 0; i < 100; ++i) output.put(event());
    output.stop();
  });
  EXPECT_EQ(tests::count_of(text, "LOG:  a message\n"), 100u);
}

TEST_F(LogOutputTest, TheLogTakesItsFormAndItsSessionsLines) {
  set_output({.prefix = "%u@%h "});
  const Client client{.address = "192.0.2.1:77", .user = "u"};
  EXPECT_EQ(tests::logged([&] { write(Level::kLog, "m", client, Address::kNamed); }),
            "u@192.0.2.1 LOG:  m (client 192.0.2.1:77)\n");
  EXPECT_EQ(tests::logged([&] { write(Level::kLog, "m", client, Address::kNotNamed); }),
            "u@192.0.2.1 LOG:  m\n");
  ASSERT_FALSE(recent().list().empty());
  EXPECT_EQ(recent().list().back().text, "m");
}

}  // namespace
}  // namespace runtime::log

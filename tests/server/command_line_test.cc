#include "server/config/command_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/server/config_parsing.h"

namespace server::config {
namespace {

using testing::HasSubstr;
using Verb = CommandLine::Verb;

TEST(CommandLineTest, NeedsACommand) {
  const Parsing parsing({});
  EXPECT_EQ(parsing.line.verb, Verb::kExit);
  EXPECT_NE(parsing.line.exit_code, 0);
}

TEST(CommandLineTest, HelpAndVersionAreAnswers) {
  const Parsing help({"serve", "--help"});
  EXPECT_EQ(help.line.verb, Verb::kExit);
  EXPECT_EQ(help.line.exit_code, 0);
  EXPECT_THAT(help.out, HasSubstr("--wal-directory"));
  EXPECT_THAT(help.out, HasSubstr("--hot-standby-feedback VALUE\n"));
  EXPECT_THAT(help.out, HasSubstr("(default: on)"));
  EXPECT_THAT(help.out, HasSubstr("  --create-primary-slot\n"));
  EXPECT_EQ(help.err, "");
  const Parsing version({"--version"});
  EXPECT_EQ(version.line.exit_code, 0);
  EXPECT_THAT(version.out,
              testing::MatchesRegex("walcast " WALCAST_VERSION
                                    "\ncommit: [0-9a-z-]+\nfeatures: [^\n]*[+-]jemalloc"
                                    "[^\n]*\ncompiler: [^\n]+\n"));
}

TEST(CommandLineTest, GenerateHasOptionsOfItsOwn) {
  const Parsing parsing({"generate", "--size", "64MB", "--record-size", "100", "--wal-segment-size",
                         "1MB", "--seed", "7", "--sync", "/out"});
  ASSERT_EQ(parsing.line.verb, Verb::kGenerate) << parsing.err;
  const wal::GenerateOptions& options = parsing.line.generate;
  EXPECT_EQ(options.directory, "/out");
  EXPECT_EQ(options.size_bytes, 64u << 20);
  EXPECT_EQ(options.records.record_bytes_min, 100u);
  EXPECT_EQ(options.records.record_bytes_max, 100u);
  EXPECT_EQ(options.records.seed, 7u);
  EXPECT_EQ(options.segment_size.bytes(), 1u << 20);
  EXPECT_TRUE(options.sync);
}

TEST(CommandLineTest, ASeedIsIndependentOfTheOrderOfOptions) {
  const Parsing parsing({"generate", "--seed", "7", "/out", "--record-size", "100"});
  ASSERT_EQ(parsing.line.verb, Verb::kGenerate) << parsing.err;
  EXPECT_EQ(parsing.line.generate.records.seed, 7u);
  EXPECT_EQ(parsing.line.generate.records.record_bytes_min, 100u);
}

TEST(CommandLineTest, GenerateNeedsADirectory) {
  expect_refused(Parsing({"generate"}), "directory");
}

TEST(CommandLineTest, VerifyHasOptionsOfItsOwn) {
  const Parsing parsing({"verify", "--from", "1/2000000", "--to=16/B374D848", "--timeline", "3",
                         "--jobs", "2", "--json", "--no-progress", "/wal"});
  ASSERT_EQ(parsing.line.verb, Verb::kVerify) << parsing.err;
  const verify::VerifyOptions& options = parsing.line.verify;
  EXPECT_EQ(options.directory, "/wal");
  EXPECT_EQ(options.scope.from, wal::Lsn(0x102000000));
  EXPECT_EQ(options.scope.to, wal::Lsn(0x16B374D848));
  EXPECT_EQ(options.scope.timeline, wal::TimelineId{3});
  EXPECT_EQ(options.jobs, 2u);
  EXPECT_TRUE(options.json && options.no_progress);
}

TEST(CommandLineTest, VerifyProvesAllUnlessItIsToldOtherwise) {
  const Parsing parsing({"verify", "/wal"});
  ASSERT_EQ(parsing.line.verb, Verb::kVerify) << parsing.err;
  const verify::VerifyOptions& options = parsing.line.verify;
  EXPECT_FALSE(options.scope.from.valid() || options.scope.timeline);
  EXPECT_EQ(options.scope.to, wal::Lsn::max());
  EXPECT_FALSE(options.json || options.no_progress);
}

// Exit status 1 would say that the WAL is bad.
TEST(CommandLineTest, AWrongVerifyHasReadNothing) {
  for (const auto& words : {std::vector<std::string>{"verify"},
                            {"verify", "/a", "/b"},
                            {"verify", "--from", "nowhere", "/a"},
                            {"verify", "--timeline=-1", "/a"},
                            {"verify", "--bogus", "/a"}}) {
    const Parsing parsing(words);
    EXPECT_EQ(parsing.line.verb, Verb::kExit);
    EXPECT_EQ(parsing.line.exit_code, 2) << parsing.err;
  }
}

}  // namespace
}  // namespace server::config

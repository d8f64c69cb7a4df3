// What `walcast verify --json` says.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/verify/report.h"
#include "tests/verify/verify_rig.h"

namespace server::verify {
namespace {

using testing::HasSubstr;

struct VerifyReportTest : testing::Test, tests::VerifyRig {
  VerifyReportTest() { grow(1'500'000); }
  tests::Verified json() const {
    auto chosen = options();
    chosen.json = true;
    return tests::Verified(chosen);
  }
};

TEST_F(VerifyReportTest, GoodWalIsOneObject) {
  const std::string report = json().report;
  EXPECT_TRUE(report.starts_with("{\"status\": 0, \"directory\": \"" + directory.path() +
                                 "\", \"system_identifier\": \"81985529216486895\", \"version\": "
                                 "15, \"segment_bytes\": 1048576, \"segments\": 2, \"records\": " +
                                 std::to_string(records.size()) + ", \"bytes\": 2097152, "))
      << report;
  EXPECT_THAT(report, HasSubstr("\"first_bad_lsn\": null"));
  EXPECT_THAT(report, HasSubstr("\"timelines\": [{\"timeline\": 1, \"begin\": \"0/100000\", "
                                "\"end\": \"" +
                                to_string(end()) + "\""));
  EXPECT_TRUE(report.ends_with("\"found\": []}\n"));
}

TEST_F(VerifyReportTest, AFaultHasAllThatIsKnown) {
  const auto& record = record_in(1);
  directory.flip(record.begin + 60);
  const tests::Verified verified = json();
  EXPECT_EQ(verified.status, 1);
  EXPECT_THAT(verified.report, HasSubstr("\"first_bad_lsn\": \"" + to_string(record.begin) + "\""));
  EXPECT_THAT(verified.report,
              HasSubstr("{\"weight\": \"fault\", \"kind\": \"checksum\", \"timeline\": 1, "
                        "\"lsn\": \"" +
                        to_string(record.begin) + "\", \"good_from\": \"" + to_string(record.end) +
                        "\", \"file\": \"" + name(1) + "\", \"what\": \"incorrect resource"));
  EXPECT_THAT(verified.report, HasSubstr("\"bytes\": [\"  "));
}

TEST_F(VerifyReportTest, WhatCannotBeReadIsAnObjectToo) {
  const tests::Verified verified({.directory = "/no\n\"where\"", .json = true});
  EXPECT_EQ(verified.status, 2);
  EXPECT_THAT(verified.report, HasSubstr("{\"status\": 2, \"error\": \"could not open directory "
                                         "\\\"/no\\n\\\"where\\\"\\\""));
}

TEST_F(VerifyReportTest, OnlySoManyAreSaidAndAllAreCounted) {
  grow(6 << 20);
  std::uint64_t flipped = 0;
  for (const auto& record : records) {
    if (record.begin.page_start() != (record.end - 1).page_start()) continue;
    directory.flip(record.begin + 80);
    ++flipped;
  }
  ASSERT_GT(flipped, Report::kDiagnosesMax);
  const tests::Verified verified = verify();
  EXPECT_EQ(verified.faults(), Report::kDiagnosesMax);
  EXPECT_TRUE(verified.says("and " + std::to_string(flipped - Report::kDiagnosesMax) + " more"));
  EXPECT_TRUE(verified.says(std::to_string(flipped) + " faults, 0 not read"));
}

}  // namespace
}  // namespace server::verify

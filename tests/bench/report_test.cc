#include "bench/walbench/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bench::walbench {
namespace {

using testing::HasSubstr;

Outcome two_standbys() {
  Outcome outcome{.standbys = 2,
                  .seconds = 2.5,
                  .streaming_seconds = 2,
                  .cpu_seconds = 0.5,
                  .memory_bytes = 4096};
  outcome.tally.completed = 1;
  outcome.tally.bytes = 3 << 20;
  for (int i = 0; i < 24; ++i) outcome.tally.message_bytes.add(131'072);
  outcome.tally.delay_us.add(40);
  outcome.tally.stamp_us.add(50);
  outcome.tally.failures.add("server error 42704: parameter \"x\\y\"\n");
  outcome.tally.mismatches = 1;
  return outcome;
}

TEST(ReportTest, JsonIsOneEscapedObject) {
  EXPECT_EQ(to_json(two_standbys()),
            "{\"standbys\": 2, \"completed\": 1, \"bytes\": 3145728, \"seconds\": 2.500, "
            "\"streaming_seconds\": 2.000, \"bytes_per_second\": 1572864, \"messages\": 24, "
            "\"message_bytes\": {\"min\": 131072, \"p50\": 131072, \"p99\": 131072, "
            "\"max\": 131072}, \"delay_us\": {\"p50\": 40, \"p99\": 40, \"max\": 40}, "
            "\"stamp_us\": {\"count\": 1, \"mean\": 50.0, \"p50\": 50, \"p99\": 50, \"max\": 50}, "
            "\"cpu_seconds\": 0.500, \"memory_bytes_per_standby\": 2048, "
            "\"failures\": {\"server error 42704: parameter \\\"x\\\\y\\\"\\n\": 1}, "
            "\"mismatches\": 1, \"scenario\": null, \"seed\": 0, \"groups\": []}\n");
}

TEST(ReportTest, TextHasUnitsAndReasons) {
  const std::string text = to_text(two_standbys());
  EXPECT_THAT(text, HasSubstr("2 standbys: 1 completed, 1 failed\n"));
  EXPECT_THAT(text, HasSubstr("3.0 MB of WAL, 1.5 MB per standby\n"));
  EXPECT_THAT(text, HasSubstr("1.5 MB/s, 768.0 kB/s per standby\n"));
  EXPECT_THAT(text, HasSubstr("p50 40 us"));
  EXPECT_THAT(text, HasSubstr("1, p50 50 us"));
  EXPECT_THAT(text, HasSubstr("1 x server error 42704"));
}

// One group that reads as fast as it can, and one that does not.
Outcome scenario_run() {
  Outcome outcome{.standbys = 3, .scenario = "a.toml", .seed = 7};
  outcome.groups = {{.group = {.name = "fast", .count = 2}, .tally = {}},
                    {.group = {.name = "slow", .count = 1, .bytes_per_second = 1024}, .tally = {}}};
  for (GroupOutcome& group : outcome.groups) {
    group.tally.bytes = 1 << 20;
    group.tally.delay_us.add(40);
    group.tally.completed = group.group.count;
  }
  Tally& slow = outcome.groups[1].tally;
  slow.reconnects = 3;
  slow.losses.add("connection closed early");
  slow.slots_made = 2;
  slow.slots_dropped = 1;
  outcome.tally = total(outcome.groups);
  return outcome;
}

TEST(ReportTest, TheWholeIsItsGroupsButForDelaysThatAreAStandbysOwn) {
  const Outcome outcome = scenario_run();
  EXPECT_TRUE(outcome.succeeded());
  EXPECT_EQ(outcome.tally.bytes, 2u << 20);
  EXPECT_EQ(outcome.tally.delay_us.count(), 1u);
  EXPECT_EQ(outcome.tally.reconnects, 3u);
}

TEST(ReportTest, AScenariosGroupsAreReported) {
  const std::string json = to_json(scenario_run());
  EXPECT_THAT(json, HasSubstr("\"scenario\": \"a.toml\", \"seed\": 7, \"groups\": [{\"name\": "
                              "\"fast\", \"standbys\": 2, \"does\": {}, \"completed\": 2, "));
  EXPECT_THAT(json, HasSubstr("{\"name\": \"slow\", \"standbys\": 1, "
                              "\"does\": {\"rate\": \"1kB/s\"}, "));
  EXPECT_THAT(json, HasSubstr("\"reconnects\": 3, \"losses\": {\"connection closed early\": 1}, "
                              "\"slots_made\": 2, \"slots_dropped\": 1, "));
  const std::string text = to_text(scenario_run());
  EXPECT_THAT(text, HasSubstr("\n  slow: 1 standbys, rate 1kB/s: 1 completed, 0 failed\n"));
  EXPECT_THAT(text, HasSubstr("3 x by plan"));
  EXPECT_THAT(text, HasSubstr("2 made, 1 dropped"));
}

TEST(ReportTest, ARunInWhichNothingStreamedDividesByNothing) {
  EXPECT_THAT(to_json(Outcome{.standbys = 1}), HasSubstr("\"bytes_per_second\": 0,"));
  EXPECT_THAT(to_text(Outcome{.standbys = 1}), HasSubstr("0.00 s per GB"));
}

TEST(ReportTest, OnlyACompleteFleetIsASuccess) {
  EXPECT_FALSE(two_standbys().succeeded());
  Outcome outcome = two_standbys();
  outcome.tally.completed = 2;
  EXPECT_TRUE(outcome.succeeded());
}

TEST(ReportTest, UnitsArePostgresOnes) {
  EXPECT_EQ(format_bytes(0), "0 B");
  EXPECT_EQ(format_bytes(1023), "1023 B");
  EXPECT_EQ(format_bytes(1536), "1.5 kB");
  EXPECT_EQ(format_bytes(0x1p30), "1.0 GB");
  EXPECT_EQ(format_bytes(0x1p50), "1024.0 TB");
  EXPECT_EQ(format_micros(999), "999 us");
  EXPECT_EQ(format_micros(1'500), "1.5 ms");
  EXPECT_EQ(format_micros(2'000'000), "2.0 s");
}

TEST(FailureCountsTest, ReasonsBeyondTheLimitAreCountedTogether) {
  FailureCounts counts;
  for (std::size_t i = 0; i < FailureCounts::kReasonsMax + 5; ++i) counts.add(std::to_string(i));
  counts.add("0");
  EXPECT_EQ(counts.by_reason().size(), FailureCounts::kReasonsMax + 1);
  EXPECT_EQ(counts.by_reason().at(FailureCounts::kOther), 5u);
  EXPECT_EQ(counts.by_reason().at("0"), 2u);
  EXPECT_EQ(counts.total(), FailureCounts::kReasonsMax + 6);
}

}  // namespace
}  // namespace bench::walbench

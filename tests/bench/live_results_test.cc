// The three forms of a report, and what `walbench compare` reads of one.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "bench/results/live_json.h"
#include "bench/results/live_page.h"
#include "bench/results/live_plots.h"
#include "bench/results/live_text.h"
#include "bench/results/percentiles.h"
#include "bench/results/run_file.h"
#include "tests/bench/sample_result.h"
#include "tests/support/temp_dir.h"

namespace bench::results {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::Pair;

const Run::Measure* measure(const Run& run, const std::string& name) {
  const auto found = std::find_if(run.measures.begin(), run.measures.end(),
                                  [&](const auto& one) { return one.name == name; });
  return found == run.measures.end() ? nullptr : &*found;
}

TEST(LiveJsonTest, WhatIsWrittenIsRead) {
  const auto run = parse_run("run.json", to_json(sample_result()));
  ASSERT_TRUE(run.has_value());
  ASSERT_NE(measure(*run, "arrival p50, fast"), nullptr);
  EXPECT_THAT(measure(*run, "arrival p50, fast")->values, ElementsAre(1e3, 1e3, 1e3, 1e3, 1e3));
  EXPECT_THAT(measure(*run, "arrival p99, slow")->values, Contains(150'000).Times(5));
  EXPECT_THAT(measure(*run, "commits per second")->values, ElementsAre(100));
  EXPECT_FALSE(measure(*run, "commits per second")->less_is_better);
  EXPECT_THAT(measure(*run, "server CPU per delivery")->values, ElementsAre(333.3));
  EXPECT_EQ(run->others_cpu, 0.25);
  EXPECT_THAT(run->circumstances, Contains(Pair("standbys", "3")));
}

TEST(LiveJsonTest, WhatARunHasLostIsRead) {
  LiveResult result = sample_result();
  result.deliveries_expected = result.deliveries;
  EXPECT_EQ(parse_run("run.json", to_json(result))->shortfall, "");
  ++result.deliveries_expected;
  EXPECT_THAT(parse_run("run.json", to_json(result))->shortfall, HasSubstr("deliveries were seen"));
  result.failed_standbys = 2;
  EXPECT_EQ(parse_run("run.json", to_json(result))->shortfall, "2 standbys failed");
}

TEST(LiveJsonTest, AServerThatWasNotMeasuredIsNull) {
  LiveResult result = sample_result();
  result.server.reset();
  result.real.reset();
  EXPECT_THAT(to_json(result), HasSubstr("\"server\": null"));
  EXPECT_THAT(to_json(result), HasSubstr("\"real_standbys\": null"));
  const auto run = parse_run("run.json", to_json(result));
  EXPECT_EQ(measure(*run, "server CPU per delivery"), nullptr);
}

TEST(RunFileTest, WhatIsNoRunIsRefused) {
  const std::string good = to_json(sample_result());
  for (const std::string& text :
       {std::string(), std::string("{}"), std::string("[1, 2"), good.substr(0, good.size() / 2),
        std::string("{\"schema\": 1}"), std::string("{\"schema\": \"walbench.live/2\"}")}) {
    const auto run = parse_run("run.json", text);
    ASSERT_FALSE(run.has_value()) << text;
    EXPECT_EQ(run.error().kind, &kNoRunFile);
    EXPECT_THAT(run.error().what, HasSubstr("run.json"));
  }
  const tests::TempDir directory;
  EXPECT_FALSE(read_run(directory.path() + "/none.json").has_value());
}

// What has the right schema and nothing else, or nonsense in its place, has nothing to compare.
TEST(RunFileTest, AMeasureThatIsNoNumberIsNone) {
  for (const char* rest : {"}", ", \"classes\": 7}", ", \"classes\": [7, {\"arrival\": []}]}",
                           ", \"server\": {\"cpu_us_per_delivery\": \"much\"}}",
                           ", \"throughput\": [{\"commits\": 0}, {\"commits\": null}, 3]}"}) {
    const auto run = parse_run("run.json", "{\"schema\": \"walbench.live/1\"" + std::string(rest));
    ASSERT_TRUE(run.has_value()) << rest;
    EXPECT_THAT(run->measures, IsEmpty()) << rest;
  }
}

TEST(LiveTextTest, ATableHasEachClassWithUnits) {
  const std::string text = to_text(sample_result());
  EXPECT_THAT(text, HasSubstr("3 standbys on 127.0.0.1:5432, 500 commits of 300 B of WAL"));
  EXPECT_THAT(text, testing::ContainsRegex("arrival, 2 fast +500 +1.0 ms +2.0 ms +3.0 ms"));
  EXPECT_THAT(text, testing::ContainsRegex("arrival, 1 slow +500 +50.0 ms"));
  EXPECT_THAT(text, testing::ContainsRegex("CPU per delivery +333.30 us"));
  EXPECT_THAT(text, testing::ContainsRegex("standby & co, written since due +10 +1.0 ms"));
  EXPECT_THAT(text, HasSubstr("0.25 of 2 processors were busy with other work"));
  EXPECT_THAT(text, HasSubstr("seen by 250 looks, 20.0 ms apart"));
  EXPECT_THAT(warnings_of(sample_result()), IsEmpty());
}

// The longest of 500 delays is no p99.9.
TEST(LiveTextTest, APercentileThatFewDelaysDoNotTellIsNoNumber) {
  const std::string text = to_text(sample_result());
  EXPECT_THAT(text, testing::ContainsRegex("arrival, 2 fast +500 .* 3.0 ms +- +- +6.0 ms"));
  EXPECT_THAT(text,
              testing::ContainsRegex("co, written since due +10 +1.0 ms +2.0 ms +- +- +- +2.0 ms"));
  EXPECT_THAT(text, HasSubstr("p99.9 is of 1000 delays or more"));
  EXPECT_THAT(to_page(sample_result()), HasSubstr("p99.9 is of 1000 delays or more"));
  EXPECT_THAT(to_page(sample_result()), HasSubstr("<b>-</b><span>p99.99</span>"));
  EXPECT_THAT(to_json(sample_result()), HasSubstr("\"p99.9\": null"));
}

TEST(LiveTextTest, WhereAllIsToldNothingIsSaidOfIt) {
  LiveResult result = sample_result();
  result.real.reset();
  for (Delays* delays : {&result.commit, &result.classes[0].arrival, &result.classes[1].arrival}) {
    delays->all = {10'000, 1, 2, 3, 4, 5, 6};
  }
  EXPECT_EQ(remark_on_delays(result), "");
}

TEST(LiveTextTest, ASummaryOfFewDeliveriesNamesTheLongest) {
  LiveResult result = sample_result();
  result.classes[0].arrival.all = {.count = 50, .p50_us = 1'000, .max_us = 9'000};
  EXPECT_THAT(summary_of(result), HasSubstr("1.0 ms or less from when their COMMIT was due, and"
                                            " the longest 9.0 ms."));
  result.classes[0].arrival.all = {.count = 1, .max_us = 9'000};
  EXPECT_THAT(summary_of(result), HasSubstr("the one delivery to fast standbys took 9.0 ms"));
}

TEST(PercentilesTest, OneOfTheDelaysIsLonger) {
  walbench::Histogram micros;
  for (std::uint64_t i = 1; i <= 10'000; ++i) {
    micros.add(i);
    const Percentiles all = percentiles_of(micros);
    EXPECT_EQ(all.p50_us.has_value(), i >= 2) << i;
    EXPECT_EQ(all.p90_us.has_value(), i >= 10) << i;
    EXPECT_EQ(all.p99_us.has_value(), i >= 100) << i;
    EXPECT_EQ(all.p999_us.has_value(), i >= 1'000) << i;
    EXPECT_EQ(all.p9999_us.has_value(), i >= 10'000) << i;
    EXPECT_EQ(all.max_us, static_cast<double>(i));
  }
}

TEST(LiveTextTest, WhatMakesAFigureDoubtfulIsSaid) {
  LiveResult result = sample_result();
  result.commits_per_second = 80;
  result.commits = 400;
  result.deliveries = 1'199;
  result.deliveries_expected = 1'200;
  result.failed_standbys = 2;
  const std::string text = to_text(result);
  EXPECT_THAT(text, HasSubstr("behind: 80.0 of 100 commits per second"));
  EXPECT_THAT(text, HasSubstr("100 commits that were due were not written"));
  EXPECT_THAT(text, HasSubstr("1199 of 1200 deliveries were seen"));
  EXPECT_THAT(text, HasSubstr("2 standbys failed"));
  EXPECT_FALSE(result.succeeded());
}

TEST(LiveTextTest, AClockThatWasSetIsSaidAndNothingIsComparedWithIt) {
  LiveResult result = sample_result();
  EXPECT_EQ(parse_run("run.json", to_json(result))->shortfall, "");
  result.clock_set_by_seconds = -3600;
  EXPECT_THAT(to_text(result), HasSubstr("The wall clock was set by -3600.000 s"));
  EXPECT_EQ(parse_run("run.json", to_json(result))->shortfall, "the wall clock was set meanwhile");
}

TEST(LiveTextTest, StandbysThatWereNotWatchedAreCounted) {
  LiveResult result = sample_result();
  result.real->unwatched = 7;
  EXPECT_THAT(to_text(result), HasSubstr("7 real standbys were not watched, beside the 1 that"));
  EXPECT_THAT(to_json(result), HasSubstr("\"unwatched\": 7"));
}

TEST(LiveTextTest, ALineOfProgressSaysWhatMatters) {
  const std::string line = to_text(LiveProgress{.at = 3,
                                                .streaming = 400,
                                                .commits_per_second = 199.5,
                                                .deliveries_per_second = 79'800,
                                                .p50_us = 1'500,
                                                .p99_us = 6'000,
                                                .stragglers = 7,
                                                .failed = 1});
  EXPECT_THAT(line, HasSubstr("400 standbys"));
  EXPECT_THAT(line, HasSubstr("199.5 commits/s"));
  EXPECT_THAT(line, HasSubstr("7 stragglers  1 failed"));
}

TEST(LivePageTest, ThePageHasEveryPictureAndLoadsNothing) {
  const std::string page = to_page(sample_result());
  for (const char* title : {"Distribution of the delay", "Delay over time", "By standby",
                            "Throughput", "Lag of the fleet", "Real standbys"}) {
    EXPECT_THAT(page, HasSubstr("<h2>" + std::string(title) + "</h2>"));
  }
  for (const char* loads :
       {"<script", "<link", "<img", "href=", "src=", "url(", "@import", "http:", "https:"}) {
    EXPECT_THAT(page, Not(HasSubstr(loads)));
  }
  EXPECT_THAT(page, HasSubstr("@media (prefers-color-scheme:dark)"));
  EXPECT_THAT(page, Not(HasSubstr("nan")));
  EXPECT_THAT(page, Not(HasSubstr("inf'")));
}

TEST(LivePageTest, WhatOthersHaveNamedIsEscaped) {
  const std::string page = to_page(sample_result());
  EXPECT_THAT(page, HasSubstr("walbench live --html &lt;file&gt;"));
  EXPECT_THAT(page, HasSubstr("standby &amp; co"));
  EXPECT_THAT(page, Not(HasSubstr("<file>")));
}

TEST(LivePageTest, ARunInWhichNothingArrivedHasAPageToo) {
  LiveResult result;
  result.setup.rate = 100;
  EXPECT_THAT(to_page(result), HasSubstr("nothing arrived"));
  EXPECT_THAT(plots_of(result), IsEmpty());
}

}  // namespace
}  // namespace bench::results

#include "server/wal/generator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "runtime/errors.h"
#include "server/wal/names.h"
#include "tests/support/random_seed.h"
#include "tests/support/record_walk.h"
#include "tests/support/wal_directory.h"

namespace server::wal {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::StartsWith;

constexpr TimelineId kTimeline{1};
constexpr SegmentSize kOneMegabyte(1 << 20);
constexpr Lsn kStart(1 << 20);

class GeneratorTest : public ::testing::Test {
 protected:
  GeneratorOptions options() const {
    GeneratorOptions options{.directory = dir_.path()};
    options.identity.segment_size = kOneMegabyte;
    return options;
  }

  std::unique_ptr<Generator> open() const { return open(options()); }

  static std::unique_ptr<Generator> open(const GeneratorOptions& options) {
    auto opened = Generator::open(options);
    CHECK(opened.has_value());
    return std::move(opened).value();
  }

  std::vector<tests::WalkedRecord> walk(Lsn end) const {
    return tests::walk_records(options().identity, kTimeline, kStart, dir_.read(kStart, end));
  }

  std::vector<std::string> files() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(dir_.path())) {
      names.push_back(entry.path().filename());
    }
    std::ranges::sort(names);
    return names;
  }

  tests::WalDirectory dir_{kTimeline, kOneMegabyte};
};

TEST_F(GeneratorTest, WritesAtLeastWhatWasAskedForAndWholeRecords) {
  const auto generator = open();
  ASSERT_TRUE(generator->append_bytes(100000));
  EXPECT_GE(generator->end(), kStart + 100000);
  EXPECT_LT(generator->end(), kStart + 100000 + 8200);
  const auto records = walk(generator->end());
  EXPECT_EQ(records.size(), generator->records());
  EXPECT_EQ(records.back().begin, generator->previous_record());
}

// As near as can be: what is left is filled by the next target.
TEST_F(GeneratorTest, WalUpToATargetEndsWithinAHeaderOfIt) {
  for (const RecordMix mix : {RecordMix{}, RecordMix{24, 24}, RecordMix{100, 130}}) {
    const tests::WalDirectory directory(kTimeline, kOneMegabyte);
    auto with_mix = options();
    with_mix.directory = directory.path();
    with_mix.records = mix;
    const auto generator = open(with_mix);
    std::mt19937_64 random(tests::random_seed());
    Lsn target = kStart;
    while (target < kStart + (2 << 20)) {
      target += random() % 2 == 0 ? random() % 300 : random() % 20'000;
      ASSERT_TRUE(generator->append_up_to(target));
      ASSERT_LE(generator->end(), std::max(target, kStart));
      ASSERT_LT(target - generator->end(), Generator::kShortOfTargetMax) << to_string(target);
    }
    const auto records = tests::walk_records(options().identity, kTimeline, kStart,
                                             directory.read(kStart, generator->end()));
    EXPECT_EQ(records.size(), generator->records());
    for (const auto& record : records) {
      EXPECT_LE(record.header.total_length, mix.record_bytes_max);
    }
    const Lsn end = generator->end();
    ASSERT_TRUE(generator->append_up_to(end - 1000));
    EXPECT_EQ(generator->end(), end);
  }
}

// A target that a record can end at is met: multiples of eight, outside of a page's header.
TEST_F(GeneratorTest, WalUpToWhereARecordCanEndEndsThere) {
  const auto generator = open();
  std::mt19937_64 random(tests::random_seed());
  Lsn target = kStart + 64;
  for (int i = 0; i < 2000; ++i) {
    target += 48 + random() % 1000 * 8;
    if (target.page_offset() < 64) target = target.page_start() + 64;
    ASSERT_TRUE(generator->append_up_to(target));
    ASSERT_EQ(generator->end(), target);
  }
}

TEST_F(GeneratorTest, RecordsHaveLengthsInTheRangeAndContentsThatDiffer) {
  const auto generator = open();
  ASSERT_TRUE(generator->append_bytes(2 << 20));
  auto records = walk(generator->end());
  const auto [shortest, longest] = std::ranges::minmax(
      records, {}, [](const auto& record) { return record.header.total_length; });
  EXPECT_THAT(shortest.header.total_length,
              ::testing::AllOf(::testing::Ge(50u), ::testing::Lt(400u)));
  EXPECT_THAT(longest.header.total_length,
              ::testing::AllOf(::testing::Gt(7600u), ::testing::Le(8000u)));
  const auto same_body = std::ranges::adjacent_find(records, {}, &tests::WalkedRecord::body);
  EXPECT_EQ(same_body, records.end());
}

TEST_F(GeneratorTest, SegmentsHaveTheirFullSizeAndAreZeroAfterTheEnd) {
  const auto generator = open();
  ASSERT_TRUE(generator->append_bytes(5000));
  EXPECT_EQ(std::filesystem::file_size(dir_.segment_path(SegmentNo{1})), 1u << 20);
  const auto tail = dir_.read(generator->end(), kStart + (1 << 20));
  EXPECT_TRUE(std::ranges::all_of(tail, [](std::byte b) { return b == std::byte{}; }));
}

TEST_F(GeneratorTest, FinishFillsTheLastSegment) {
  auto with_sync = options();
  with_sync.sync = true;
  const auto generator = open(with_sync);
  ASSERT_TRUE(generator->append_bytes(5000));
  ASSERT_TRUE(generator->finish());
  EXPECT_EQ(generator->end(), kStart + (1 << 20));
  ASSERT_TRUE(generator->finish()) << "a full segment needs no switch";
  EXPECT_EQ(generator->end(), kStart + (1 << 20));
  ASSERT_TRUE(generator->append_bytes(1));
  const auto records = walk(generator->end());
  EXPECT_EQ(records.size(), generator->records());
  EXPECT_EQ(records[records.size() - 2].header.info, kXlogSwitch);
}

TEST_F(GeneratorTest, AContinuedRunGivesTheBytesOfOneRun) {
  const auto one_run = open();
  ASSERT_TRUE(one_run->append_until(kStart + (3 << 20)));

  const tests::WalDirectory other(kTimeline, kOneMegabyte);
  auto part = options();
  part.directory = other.path();
  while (part.start < one_run->end()) {
    const auto generator = open(part);
    const Lsn target = std::min(generator->end() + 777777, kStart + (3 << 20));
    ASSERT_TRUE(generator->append_until(target));
    part.start = generator->end();
    part.previous_record = generator->previous_record();
  }
  EXPECT_EQ(part.start, one_run->end());
  EXPECT_EQ(other.read(kStart, part.start), dir_.read(kStart, part.start));
}

TEST_F(GeneratorTest, AnotherSeedGivesOtherBytes) {
  const auto generator = open();
  ASSERT_TRUE(generator->append_bytes(1000));
  const tests::WalDirectory other(kTimeline, kOneMegabyte);
  auto with_seed = options();
  with_seed.directory = other.path();
  with_seed.records.seed = 2;
  ASSERT_TRUE(open(with_seed)->append_bytes(1000));
  EXPECT_NE(dir_.read(kStart, kStart + 1000), other.read(kStart, kStart + 1000));
}

TEST_F(GeneratorTest, ContinuingRemovesWhatACrashLeftBehindTheEnd) {
  auto continued = options();
  {
    const auto generator = open();
    ASSERT_TRUE(generator->append_bytes(1000));
    continued.start = generator->end();
    continued.previous_record = generator->previous_record();
    ASSERT_TRUE(generator->append_bytes(2 << 20));  // not known to the one that continues
  }
  const auto generator = open(continued);
  EXPECT_THAT(files(), ElementsAre("000000010000000000000001"));
  const auto tail = dir_.read(continued.start, kStart + (1 << 20));
  EXPECT_TRUE(std::ranges::all_of(tail, [](std::byte b) { return b == std::byte{}; }));
  ASSERT_TRUE(generator->append_bytes(2 << 20));
  EXPECT_GT(walk(generator->end()).size(), generator->records());
}

TEST_F(GeneratorTest, ContinuingWithoutTheSegmentFails) {
  auto continued = options();
  continued.start = kStart + 4096;
  const auto opened = Generator::open(continued);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind, &runtime::kFileMissing);
  EXPECT_EQ(opened.error().what, "could not open file \"" + dir_.segment_path(SegmentNo{1}) +
                                     "\": No such file or directory");
}

TEST_F(GeneratorTest, RemovesOnlySegmentsThatAreWhollyOlder) {
  const auto generator = open();
  ASSERT_TRUE(generator->append_until(Lsn((4 << 20) + 5000)));
  EXPECT_EQ(generator->remove_before(Lsn((3 << 20) - 1)).value(), 1u);
  EXPECT_THAT(files(), ElementsAre("000000010000000000000002", "000000010000000000000003",
                                   "000000010000000000000004"));
  EXPECT_EQ(generator->remove_before(Lsn(1 << 30)).value(), 2u) << "the current one stays";
  EXPECT_THAT(files(), ElementsAre("000000010000000000000004"));
}

// Limits the size of files for as long as it lives, without the signal that kills.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    CHECK(::getrlimit(RLIMIT_FSIZE, &before_) == 0);
    const rlimit limit{.rlim_cur = bytes, .rlim_max = before_.rlim_max};
    CHECK(::setrlimit(RLIMIT_FSIZE, &limit) == 0);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }

 private:
  rlimit before_{};
  void (*handler_)(int);
};

TEST_F(GeneratorTest, AFailedWriteIsTriedAgainByTheNextCall) {
  const auto generator = open();
  {
    const FileSizeLimit limit(10000);
    const auto written = generator->append_bytes(50000);
    ASSERT_FALSE(written);
    EXPECT_EQ(written.error().what, "could not write to file \"" + dir_.segment_path(SegmentNo{1}) +
                                        "\": File too large");
    EXPECT_TRUE(files().empty()) << "a segment that has no room is not left behind";
  }
  ASSERT_TRUE(generator->append_bytes(0));
  EXPECT_EQ(walk(generator->end()).size(), generator->records());
}

TEST_F(GeneratorTest, AWriteThatFailsHalfWayGoesOnWhereItStopped) {
  const auto generator = open();
  ASSERT_TRUE(generator->append_bytes(5000));
  {
    const FileSizeLimit limit(10001);  // the file is longer, but no write may reach further
    ASSERT_FALSE(generator->append_bytes(50000));
    ASSERT_FALSE(generator->finish());
  }
  ASSERT_TRUE(generator->finish());
  EXPECT_EQ(walk(generator->end()).size(), generator->records());
}

TEST_F(GeneratorTest, AMissingDirectoryIsAnError) {
  auto missing = options();
  missing.directory += "/missing";
  const auto opened = Generator::open(missing);
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error().what, EndsWith("/missing\": No such file or directory"));
}

TEST_F(GeneratorTest, RecordSizesThatCannotBeAreRefused) {
  for (const auto& [min, max] :
       {std::pair(23u, 100u), std::pair(100u, 99u), std::pair(100u, kRecordBytesMax + 1)}) {
    auto wrong = options();
    wrong.records.record_bytes_min = min;
    wrong.records.record_bytes_max = max;
    const auto opened = Generator::open(wrong);
    ASSERT_FALSE(opened);
    EXPECT_THAT(opened.error().what, StartsWith("invalid record size: "));
  }
}

class GenerateTest : public GeneratorTest {
 protected:
  GenerateOptions generate_options(std::uint64_t size_bytes) const {
    return {.directory = dir_.path(), .size_bytes = size_bytes, .segment_size = kOneMegabyte};
  }
};

TEST_F(GenerateTest, FillsWholeSegmentsAndEndsWithASwitch) {
  const auto summary = generate(generate_options((3 << 20) - 5)).value();
  EXPECT_EQ(summary.begin, kStart);
  EXPECT_EQ(summary.end, Lsn(4 << 20));
  EXPECT_EQ(summary.segments, 3u);
  EXPECT_EQ(summary.first_segment, "000000010000000000000001");
  EXPECT_EQ(summary.last_segment, "000000010000000000000003");
  EXPECT_EQ(files().size(), 3u);
  const auto records = walk(summary.end);
  EXPECT_EQ(records.size(), summary.records);
  EXPECT_EQ(records.back().header.info, kXlogSwitch);
  EXPECT_LT(summary.end - records.back().begin, 100u) << "hardly anything is padding";
}

TEST_F(GenerateTest, EndsOnTheSegmentWhateverTheRecordsAreLike) {
  for (const auto& [min, max] : {std::pair(24u, 24u), std::pair(50u, 51u), std::pair(281u, 286u),
                                 std::pair(8000u, 9000u), std::pair(3u << 20, 3u << 20)}) {
    const tests::WalDirectory other(kTimeline, kOneMegabyte);
    auto options = generate_options(2 << 20);
    options.directory = other.path();
    options.records = {.record_bytes_min = min, .record_bytes_max = max};
    const auto summary = generate(options).value();
    EXPECT_EQ(summary.end, Lsn(3 << 20));
    const auto wal = other.read(summary.begin, summary.end);
    const auto records =
        tests::walk_records(GeneratorTest::options().identity, kTimeline, summary.begin, wal);
    EXPECT_EQ(records.size(), summary.records) << min << ".." << max;
  }
}

// A missing parent may be a file system that is not mounted.
TEST_F(GenerateTest, MakesTheDirectoryAndNoParent) {
  auto nested = generate_options(1);
  const std::string parent = nested.directory + "/a";
  nested.directory = parent + "/b";
  EXPECT_FALSE(generate(nested));
  ASSERT_TRUE(std::filesystem::create_directory(parent));
  ASSERT_TRUE(generate(nested));
  EXPECT_TRUE(std::filesystem::exists(nested.directory + "/000000010000000000000001"));
}

TEST_F(GenerateTest, RefusesADirectoryThatHoldsWal) {
  for (const std::string name :
       {"000000010000000000000009", "000000010000000000000009.partial", "00000002.history"}) {
    const tests::TempDir other;
    std::ofstream(other.file(name)) << "x";
    auto options = generate_options(1);
    options.directory = other.path();
    const auto summary = generate(options);
    ASSERT_FALSE(summary) << name;
    EXPECT_EQ(summary.error().kind, &runtime::kObjectNotInPrerequisiteState);
    EXPECT_EQ(summary.error().what, "directory \"" + other.path() + "\" already holds WAL");
  }
}

TEST_F(GenerateTest, MindsNoOtherFiles) {
  std::ofstream(dir_.path() + "/README") << "x";
  EXPECT_TRUE(generate(generate_options(1)));
}

TEST_F(GenerateTest, RefusesToMakeNothing) {
  EXPECT_EQ(generate(generate_options(0)).error().kind, &runtime::kInvalidParameterValue);
}

}  // namespace
}  // namespace server::wal

#include "runtime/durable_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "runtime/errors.h"
#include "runtime/file.h"
#include "tests/support/disk_log.h"
#include "tests/support/random_seed.h"
#include "tests/support/temp_dir.h"

// What a file is after a failure and after a loss of power, whichever call was the last.

namespace runtime {
namespace {

using testing::AnyOf;
using testing::ElementsAre;

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

std::string text_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return "(none)";
  return {std::istreambuf_iterator<char>(file), {}};
}

constexpr std::string_view kOld = "old content";
constexpr std::string_view kNew = "new content, which is longer";

struct DurableFileTest : testing::Test {
  const std::string& dir() const { return directory.path(); }
  std::string path() const { return directory.file("a"); }
  std::size_t file_count() const {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(dir()), {}));
  }

  tests::TempDir directory;
};

// A segment of 1 GB was read into memory as a whole.
TEST_F(DurableFileTest, ACopyIsMadeInPieces) {
  constexpr std::size_t kPieceMax = std::size_t{1} << 20;
  std::string content;
  for (int i = 0; content.size() < 3 * kPieceMax + 5000; ++i) content += std::to_string(i);
  std::ofstream(directory.file("from")) << content;
  const auto from = open_for_reading(directory.file("from")).value();
  std::vector<std::uint64_t> offsets;
  {
    const tests::DiskHook hook(dir(), [&](const tests::DiskCall& call) {
      EXPECT_LE(call.content.size(), kPieceMax);
      if (call.name == "pwrite") offsets.push_back(call.offset);
      return 0;
    });
    ASSERT_TRUE(replace_file_by_copy(path(), from, directory.file("from"), 3 * kPieceMax + 4000));
  }
  EXPECT_THAT(offsets, ElementsAre(0, kPieceMax, 2 * kPieceMax, 3 * kPieceMax));
  EXPECT_TRUE(text_of(path()) == content.substr(0, 3 * kPieceMax + 4000));
}

TEST_F(DurableFileTest, ACopyOfAFileThatIsTooShortLeavesTheOldOne) {
  ASSERT_TRUE(replace_file(path(), bytes_of(kOld)));
  std::ofstream(directory.file("from")) << "short";
  const auto from = open_for_reading(directory.file("from")).value();
  const auto copied = replace_file_by_copy(path(), from, directory.file("from"), 6);
  ASSERT_FALSE(copied);
  EXPECT_EQ(copied.error().kind, &kDataCorrupted);
  EXPECT_EQ(text_of(path()), kOld);
  EXPECT_EQ(file_count(), 2u);
}

TEST_F(DurableFileTest, ItIsSyncedBeforeItIsRenamedAndTheDirectoryAfter) {
  std::vector<std::string> calls;
  const tests::DiskHook hook(dir(), [&](const tests::DiskCall& call) {
    calls.push_back(call.text());
    return 0;
  });
  ASSERT_TRUE(replace_file(path(), bytes_of(kNew)));
  EXPECT_THAT(calls, ElementsAre("open a.tmp", "pwrite a.tmp", "fsync a.tmp", "rename a.tmp",
                                 "fsync a", "open .", "fsync ."));
  calls.clear();
  ASSERT_TRUE(remove_file(path()));
  EXPECT_THAT(calls, ElementsAre("unlink a", "open .", "fsync ."));
}

TEST_F(DurableFileTest, AFailureLeavesTheOldFileOrTheNewAndNoOther) {
  for (std::size_t nth = 0;; ++nth) {
    ASSERT_TRUE(replace_file(path(), bytes_of(kOld)));
    std::string failed;
    bool succeeded = false;
    {
      const tests::FailingDisk disk(dir(), nth, EIO, tests::Failing::kOnlyThere);
      succeeded = replace_file(path(), bytes_of(kNew)).has_value();
      failed = disk.failed();
    }
    SCOPED_TRACE(failed);
    EXPECT_EQ(succeeded, failed.empty());
    EXPECT_EQ(file_count(), 1u);
    EXPECT_EQ(text_of(path()), nth <= 3 ? kOld : kNew) << "the fourth call renames";
    if (failed.empty()) break;
  }
}

// The file of each generation must be there whole from the moment when replace_file() has returned.
TEST_F(DurableFileTest, NoLossOfPowerLosesWhatWasReportedOrLeavesAHalf) {
  constexpr std::uint64_t kRemoved = 4;
  const auto content = [](std::uint64_t generation) {
    return std::string(1000 + generation * 500, static_cast<char>('a' + generation));
  };
  std::vector<tests::DiskEvent> events;
  {
    tests::DiskLog log(dir());
    for (std::uint64_t generation = 0; generation < kRemoved; ++generation) {
      ASSERT_TRUE(replace_file(path(), bytes_of(content(generation))));
      log.promise("generation", generation);
    }
    ASSERT_TRUE(remove_file(path()));
    log.promise("generation", kRemoved);
    events = log.events();
  }
  std::mt19937 random(tests::random_seed());
  tests::DiskImage image;
  for (const tests::DiskEvent& event : events) {
    image.apply(event);
    const auto promised = image.promised("generation");
    for (const auto luck :
         {tests::DiskImage::Luck::kNothingElse, tests::DiskImage::Luck::kEverything,
          tests::DiskImage::Luck::kJournal, tests::DiskImage::Luck::kAnyOrder}) {
      const tests::TempDir after(tests::memory_directory());
      image.write_to(after.path(), luck, random);
      const std::string found = text_of(after.file("a"));
      const auto is = [&](std::uint64_t generation) {
        return found == (generation == kRemoved ? "(none)" : content(generation));
      };
      const bool before_the_first = !promised && (found == "(none)" || is(0));
      EXPECT_TRUE(before_the_first || (promised && (is(*promised) || is(*promised + 1)))) << found;
    }
  }
}

}  // namespace
}  // namespace runtime

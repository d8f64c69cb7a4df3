#include "server/wal/pages.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "runtime/errors.h"
#include "tests/support/wal_directory.h"
#include "tests/wal/after_look.h"
#include "tests/wal/samples.h"

namespace server::wal {
namespace {

constexpr SegmentSize k1MB(1u << 20);
constexpr TimelineId kTimeline{1};
constexpr Lsn kBegin = k1MB.start(SegmentNo{1});

class PagesTest : public testing::Test {
 protected:
  PagesTest() { directory.write(kBegin, noise); }

  // What the file holds at a page, as far as it is there.
  std::span<const std::byte> expected(Lsn page, std::size_t size = kPageBytes) const {
    return std::span(noise).subspan(page - kBegin, size);
  }
  void expect_page(Lsn page, std::size_t size = kPageBytes) {
    const PageView view = pages.page(page);
    ASSERT_FALSE(view.problem) << view.problem->what;
    ASSERT_EQ(view.bytes.size(), size) << to_string(page);
    EXPECT_TRUE(std::ranges::equal(view.bytes, expected(page, size))) << to_string(page);
  }

  tests::WalDirectory directory{kTimeline, k1MB};
  const std::vector<std::byte> noise = tests::data_of(3u << 20);
  const Lsn end = kBegin + noise.size();
  FilePages pages{directory.path(), TimelineHistory(kTimeline), k1MB};
};

TEST_F(PagesTest, ReadsForwards) {
  for (Lsn page = kBegin; page < end; page += kPageBytes) expect_page(page);
}

TEST_F(PagesTest, ReadsBackwards) {
  for (Lsn page = end; page > kBegin;) {
    page = page - kPageBytes;
    expect_page(page);
  }
}

TEST_F(PagesTest, ReadsInAnyOrder) {
  std::mt19937 random(42);
  for (int i = 0; i < 3000; ++i) {
    expect_page(kBegin + random() % (noise.size() / kPageBytes) * kPageBytes);
  }
}

TEST_F(PagesTest, AFilesEndCutsAPageShort) {
  const Lsn page = kBegin + 7 * kPageBytes;
  directory.truncate(page + 100);
  expect_page(page, 100);
  expect_page(page + kPageBytes, 0);
  expect_page(kBegin + (1u << 20) - kPageBytes, 0);
  expect_page(kBegin + (1u << 20));
}

TEST_F(PagesTest, AFileThatGrowsIsSeenOnceTheOldIsForgotten) {
  const Lsn page = kBegin + 7 * kPageBytes;
  directory.truncate(page + 100);
  expect_page(page, 100);
  directory.write(page, expected(page));
  expect_page(page, 100);
  pages.forget();
  expect_page(page);
}

TEST_F(PagesTest, AFileThatIsReplacedIsSeenOnceTheOldIsForgotten) {
  expect_page(kBegin);
  directory.remove(SegmentNo{1});
  directory.write(kBegin, expected(kBegin + kPageBytes));
  pages.forget();
  EXPECT_TRUE(std::ranges::equal(pages.page(kBegin).bytes, expected(kBegin + kPageBytes)));
}

TEST_F(PagesTest, ThePartialIsReadIfThereIsNoSegment) {
  const std::string path = directory.segment_path(SegmentNo{2});
  const Lsn page = k1MB.start(SegmentNo{2});
  std::filesystem::copy(path, path + ".partial");
  directory.flip(page);
  EXPECT_FALSE(std::ranges::equal(pages.page(page).bytes, expected(page)));
  std::filesystem::remove(path);
  pages.forget();
  expect_page(page);
}

// pg_receivewal has filled the segment: a standby was told that it had been removed.
TEST_F(PagesTest, ARenameBetweenTwoLooksHidesNoFile) {
  const std::string path = directory.segment_path(SegmentNo{2});
  const std::string partial = path + ".partial";
  std::filesystem::rename(path, partial);
  const tests::AfterLook renamed([&] { std::filesystem::rename(partial, path); });
  expect_page(k1MB.start(SegmentNo{2}));
  EXPECT_TRUE(std::filesystem::exists(path));
}

TEST_F(PagesTest, AMissingFileIsAProblemThatPasses) {
  const PageView view = pages.page(end);
  ASSERT_TRUE(view.problem);
  EXPECT_TRUE(view.bytes.empty());
  EXPECT_EQ(view.problem->kind, &runtime::kFileMissing);
  EXPECT_EQ(view.problem->what, "could not open file \"" + directory.segment_path(SegmentNo{4}) +
                                    "\": No such file or directory");
  expect_page(kBegin);
  directory.write(end, expected(kBegin));
  EXPECT_FALSE(pages.page(end).problem);
}

// What is named like a segment need not be a file.
TEST_F(PagesTest, AFileThatCannotBeReadIsAProblem) {
  std::filesystem::create_directory(directory.segment_path(SegmentNo{4}));
  const PageView view = pages.page(end);
  ASSERT_TRUE(view.problem);
  EXPECT_NE(view.problem->kind, &runtime::kFileMissing);
  EXPECT_TRUE(view.problem->what.starts_with("could not read from log segment"))
      << view.problem->what;
}

TEST_F(PagesTest, TheFilesAreThoseOfTheHistory) {
  auto history = TimelineHistory::parse(TimelineId{2}, "1\t0/280000\tfork in segment 2\n");
  FilePages forked(directory.path(), *history, k1MB);
  EXPECT_FALSE(forked.page(kBegin).problem);
  EXPECT_TRUE(forked.page(k1MB.start(SegmentNo{2})).problem) << "the parent's file is not taken";
  std::filesystem::copy(directory.segment_path(SegmentNo{2}),
                        directory.path() + "/000000020000000000000002");
  EXPECT_FALSE(forked.page(k1MB.start(SegmentNo{2})).problem);
  EXPECT_EQ(forked.file_timeline(SegmentNo{2}), TimelineId{2});
}

}  // namespace
}  // namespace server::wal

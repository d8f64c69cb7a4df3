#include <poll.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include <future>

#include "runtime/counters.h"
#include "runtime/fd.h"
#include "server/source/paced_work.h"
#include "server/wal/segments.h"
#include "tests/source/directory_rig.h"

// What the source of a directory does where files change in another way than by growing.

namespace tests {

using server::wal::Lsn;
using server::wal::TimelineId;

namespace {

// Counts how often a directory is listed.
class ListingCounter {
 public:
  explicit ListingCounter(const std::string& directory) : fd_(::inotify_init1(IN_NONBLOCK)) {
    CHECK(fd_ && ::inotify_add_watch(fd_.get(), directory.c_str(), IN_OPEN | IN_ONLYDIR) >= 0);
  }
  int take() {
    int count = 0;
    alignas(inotify_event) char buffer[64 * 1024];
    for (ssize_t bytes; (bytes = ::read(fd_.get(), buffer, sizeof(buffer))) > 0;) {
      for (ssize_t at = 0; at < bytes;) {
        const auto* event = reinterpret_cast<const inotify_event*>(buffer + at);
        if (event->len == 0) ++count;
        at += static_cast<ssize_t>(sizeof(inotify_event) + event->len);
      }
    }
    return count;
  }

 private:
  runtime::UniqueFd fd_;
};

struct DirectoryChangesTest : DirectoryTest {
  // An event of the directory itself has no name, as that of a queue that was full.
  void lose_events() {
    mode_ ^= S_IXOTH;
    ASSERT_EQ(::chmod(directory.path().c_str(), mode_), 0);
  }
  // Lets the source take the events that there are, one batch after another.
  static void pause(int milliseconds = 1) { ::poll(nullptr, 0, milliseconds); }
  // Has the first segments opened and proven, as if a standby had asked for them.
  server::wal::SegmentRef prove(server::wal::Segments& segments, std::uint64_t no) {
    const auto& timelines = *follower.tail.timelines();
    auto segment = segments.open(timelines, segment_start(no)).value();
    EXPECT_TRUE(segments.prepare(timelines, segment, segment_start(no), end()));
    EXPECT_TRUE(segments.is_proven_for_test(*segment, 0));
    return segment;
  }

 private:
  mode_t mode_ = 0700;
};

// The write comes by another name of the file, so that no event tells of it.
TEST_F(DirectoryChangesTest, ProofsOfFilesThatChangedWhileEventsWereLostAreForgotten) {
  const TempDir elsewhere;
  grow(4'500'000);
  std::filesystem::create_hard_link(path(1), elsewhere.file("other"));
  source.emplace(directory.path(), clock);
  ASSERT_TRUE(source->open());
  faults.emplace(source->identity());
  server::wal::Segments segments(directory.path(), identity, *faults, clock);
  source->set_segments(segments);
  follower.find_changed = [&](const auto& timelines, auto before) {
    auto changed = segments.find_changed(timelines, before);
    for (const auto no : changed) segments.forget(no);
    return changed;
  };
  ASSERT_TRUE(source->start(follower.tail, *faults, follower));
  ASSERT_TRUE(follower.wait_for(end()));
  const auto first = prove(segments, 1);
  const auto third = prove(segments, 3);
  std::fstream(elsewhere.file("other"), std::ios::binary | std::ios::in | std::ios::out).seekp(5000)
      << "x";
  ASSERT_TRUE(follower.wait_for(grow(1000)));
  EXPECT_TRUE(segments.is_proven_for_test(*first, 0)) << "nothing has told of the change";
  lose_events();
  EXPECT_TRUE(follower.wait_for_change(1));
  EXPECT_FALSE(segments.is_proven_for_test(*first, 0));
  EXPECT_TRUE(segments.is_proven_for_test(*third, 0));
  EXPECT_FALSE(follower.wait_for_change(3, 0));
}

// Each loss of events had one more look queued, however long the first one took.
TEST_F(DirectoryChangesTest, LooksForLostChangesDoNotPileUp) {
  std::promise<void> gate;
  runtime::Gauge looks;
  follower.find_changed = [&, opened = gate.get_future().share()](const auto&, auto) {
    looks.add(1);
    opened.wait();
    return std::vector<server::wal::SegmentNo>();
  };
  start();
  for (int i = 0; i < 30; ++i) {
    lose_events();
    ASSERT_TRUE(follower.wait_for(grow(1000)));
  }
  gate.set_value();
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(follower.wait_for(grow(1000)));
  pause(200);
  source->stop();
  EXPECT_GE(looks.get(), 1);
  EXPECT_LE(looks.get(), 2);
}

// Whatever was written to its files had the whole directory listed, one time after the other.
TEST_F(DirectoryChangesTest, ABranchThatIsRefusedMayBeWrittenToWithoutALook) {
  write_history(2, "1\t0/180000\tpromoted\n");
  write_timeline(2, child(2, builder.end(), builder.previous_record()));
  const auto third = child(3, builder.end(), builder.previous_record());
  write_history(3, "1\t0/140000\tpromoted elsewhere\n");
  write_timeline(3, third);
  const std::string log = logged([&] {
    start();
    ASSERT_TRUE(follower.wait_for_timeline(2));
    pause(200);
    ListingCounter listings(directory.path());
    for (int i = 0; i < 100; ++i) {
      write_timeline(3, third);
      pause();
    }
    EXPECT_LE(listings.take(), 4) << "the look of each second";
    source->stop();
  });
  EXPECT_EQ(count_of(log, "timeline 3 is not a child of timeline 2"), 1u) << log;
}

TEST_F(DirectoryChangesTest, ABranchThatWasNotAskedForMayBeWrittenToWithoutALook) {
  using Kind = server::wal::TimelineTarget::Kind;
  source.emplace(directory.path(), clock,
                 server::source::DirectorySource::Options{.target = {.kind = Kind::kCurrent}});
  ASSERT_TRUE(source->open());
  faults.emplace(source->identity());
  ASSERT_TRUE(source->start(follower.tail, *faults, follower));
  const auto second = child(2, builder.end(), builder.previous_record());
  write_history(2, runtime::format("1\t{}\tpromoted\n", builder.end()));
  write_timeline(2, second);
  pause(200);
  ListingCounter listings(directory.path());
  for (int i = 0; i < 100; ++i) {
    write_timeline(2, second);
    pause();
  }
  EXPECT_LE(listings.take(), 4) << "the look of each second";
  source->stop();
  EXPECT_EQ(follower.tail.timelines()->history.tip(), TimelineId{1});
}

// What may become a timeline that is followed is looked at as it is written, at a rate.
TEST_F(DirectoryChangesTest, AFileThatIsNoWalYetIsLookedAtAtARate) {
  start();
  ListingCounter listings(directory.path());
  constexpr int kTurns = 300;
  const auto begun = clock.now();
  for (int i = 0; i < kTurns; ++i) {
    std::ofstream(path(7, 1), std::ios::app) << "garbage";
    pause();
  }
  const auto looks_max = 2 + (clock.now() - begun) / server::source::PacedWork::kPauseMin;
  const int listings_of_a_look = 2;
  EXPECT_LE(listings.take(), listings_of_a_look * (looks_max + 2));
}

// The end of WAL lies in a segment of which all is the midst of a record that began before it. When
// a history file came, the reader took the segment's begin for a record's.
TEST_F(DirectoryChangesTest, AHistoryFileDoesNotLoseTheSearchForTheFirstRecord) {
  builder.append_noop(filling(4'500'000));
  const Lsn long_end = builder.end();
  builder.append_noop(filling(1000));
  WalDirectory other(TimelineId{1}, identity.segment_size);
  other.write(builder);
  std::filesystem::remove(path(1));
  std::filesystem::copy_file(other.segment_path(segment(3)), path(3));
  start();
  EXPECT_EQ(follower.tail.position(), segment_start(3));
  write_history(2, "1\t0/900000\tlater\n");
  ASSERT_TRUE(follower.wait_until(
      [](const auto& span) { return span.timelines->files.contains(TimelineId{2}); }));
  for (std::uint64_t no = 4; std::filesystem::exists(other.segment_path(segment(no))); ++no) {
    std::filesystem::copy_file(other.segment_path(segment(no)), path(no));
  }
  EXPECT_TRUE(follower.wait_for(builder.end()))
      << "it stands at " << to_string(follower.tail.position());
  EXPECT_GT(builder.end(), long_end);
}

}  // namespace

}  // namespace tests

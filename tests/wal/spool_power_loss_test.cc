#include <gtest/gtest.h>
#include <poll.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "runtime/clock.h"
#include "server/wal/inventory.h"
#include "server/wal/writer.h"
#include "tests/support/disk_log.h"
#include "tests/support/random_seed.h"
#include "tests/support/temp_dir.h"
#include "tests/wal/samples.h"

// A spool on a disk that loses power behind any of its calls, and keeps of what was not synced what
// it likes: nothing that was acknowledged is lost, and nothing half is believed.
//
// WALCAST_TEST_SEED repeats a run; WALCAST_CUTS asks for more than kCuts losses of power.

namespace server::wal {
namespace {

using tests::DiskImage;
using tests::filling;

constexpr TimelineId kFirst{1};
constexpr TimelineId kSecond{2};
constexpr std::size_t kCuts = 60;

// One spool that is written for a while, and all that it was given.
class SpoolRun {
 public:
  explicit SpoolRun(std::uint32_t seed) : random_(seed) {
    tail_.adopt({TimelineHistory(kFirst), {}});
    writer_.emplace(
        Writer::Options{.directory = directory_.path(),
                        .identity = identity_,
                        .retention = {.wal_keep_bytes = std::uint64_t{1} << 30, .holds = &holds_}},
        clock_, tail_, doorbell_);
  }

  void run() {
    CHECK(writer_->start_empty(begin()).has_value());
    grow_to(begin() + 5 * identity_.segment_size.bytes() / 2);
    follow_new_timeline();
    grow_to(begin() + 4 * identity_.segment_size.bytes());
    writer_.reset();
  }

  std::vector<tests::DiskEvent> events() const { return log_.events(); }
  Lsn begin() const { return identity_.segment_size.start(SegmentNo{1}); }
  Lsn fork() const { return fork_; }
  const Identity& identity() const { return identity_; }
  const std::vector<std::byte>& wal() const { return wal_; }
  // Where the last record ends that is whole before `lsn`.
  Lsn records_end_by(Lsn lsn) const {
    const auto beyond = std::upper_bound(record_ends_.begin(), record_ends_.end(), lsn);
    return beyond == record_ends_.begin() ? begin() : *(beyond - 1);
  }

 private:
  // Pages or records at a time, as a primary sends them; some of it is taken back and sent again.
  void grow_to(Lsn end) {
    while (writer_->end() < end) {
      const bool is_long = random_() % 40 == 0;
      builder_.append_noop(filling(is_long ? 700'000 : 100 + random_() % 20'000));
      record_ends_.push_back(builder_.end());
      send(builder_.end());
      if (random_() % 3 == 0) flush_but(0);
    }
    flush_but(0);
  }

  void send(Lsn end) {
    wal_.insert(wal_.end(), builder_.bytes().begin(), builder_.bytes().end());
    builder_.clear();
    while (writer_->end() < end) {
      const Lsn page_end = writer_->end().page_start() + (1 + random_() % 20) * kPageBytes;
      const Lsn to = random_() % 2 == 0 ? end : std::min(end, page_end);
      flush_but(identity_.segment_size.bytes() - (to - writer_->end()));
      const auto piece = std::span(wal_).subspan(writer_->end() - begin(), to - writer_->end());
      CHECK(writer_->write(piece).has_value());
      if (to < end && random_() % 10 == 0) {
        while (writer_->is_flushing()) await_doorbell();
        CHECK(writer_->rewind().has_value());
      }
      if (random_() % 4 == 0) writer_->request_flush();
      promise();
    }
  }

  void follow_new_timeline() {
    fork_ = writer_->proven();
    const std::string text = runtime::format("1\t{}\tpromoted\n", fork_);
    CHECK(writer_->add_history_file(kSecond, text).has_value());
    CHECK(writer_->prepare_timeline(kFirst, kSecond).has_value());
    tail_.adopt({*TimelineHistory::parse(kSecond, text), {{kSecond, text}}});
    CHECK(writer_->follow_timeline().has_value());
    builder_ = WalBuilder(identity_, kSecond, fork_, builder_.previous_record());
  }

  // As RelaySource does: only in the two newest segments there may be what the disk has lost.
  void flush_but(std::uint64_t bytes_max) {
    while (writer_->flushed() + bytes_max < writer_->end()) {
      writer_->request_flush();
      if (writer_->is_flushing()) await_doorbell();
    }
    promise();
  }

  // What a primary may be told.
  void promise() { log_.promise("durable", writer_->positions().durable().value()); }

  void await_doorbell() {
    pollfd rung{.fd = doorbell_.fd(), .events = POLLIN, .revents = 0};
    if (doorbell_.prepare_to_sleep()) CHECK(::poll(&rung, 1, /*timeout_ms=*/10'000) == 1);
    doorbell_.awake();
  }

  const Identity identity_ = tests::identity_of(1);
  const tests::TempDir directory_{tests::memory_directory()};
  tests::DiskLog log_{directory_.path()};
  std::mt19937 random_;
  WalBuilder builder_ = tests::builder_of(identity_);
  std::vector<std::byte> wal_;
  std::vector<Lsn> record_ends_;
  runtime::SystemClock clock_;
  runtime::Doorbell doorbell_;
  Holds holds_{clock_};
  WalTail tail_;
  std::optional<Writer> writer_;
  Lsn fork_;
};

// The WAL of a directory from `begin` on, as a stream along `history` has it.
std::vector<std::byte> stored(const Directory& directory, const Inventory& inventory, Lsn begin,
                              Lsn end) {
  FilePages pages(directory.path(), inventory.history, inventory.identity.segment_size);
  std::vector<std::byte> wal;
  for (Lsn page = begin; page < end; page += kPageBytes) {
    const PageView view = pages.page(page);
    wal.insert(wal.end(), view.bytes.begin(), view.bytes.end());
    if (view.bytes.size() < kPageBytes) break;
  }
  wal.resize(std::min<std::size_t>(wal.size(), end - begin));
  return wal;
}

// What a relay that starts on what is left finds there.
void check(const std::string& path, const SpoolRun& run, Lsn durable) {
  const Directory directory(path);
  const auto inventory = take_inventory(directory);
  if (!inventory) {
    EXPECT_EQ(inventory.error().kind, &kNoWal) << inventory.error().what;
    EXPECT_LE(durable, run.begin()) << "all is lost";
    return;
  }
  EXPECT_TRUE(inventory->warnings.empty()) << inventory->warnings.front();
  EXPECT_EQ(inventory->oldest, SegmentNo{1});
  const auto end = find_end_of_wal(directory, *inventory);
  ASSERT_TRUE(end) << end.error().what;
  // What was acknowledged may end within a record. The disk has the record's begin then, and WAL is
  // found to end before it.
  EXPECT_GE(end->end, run.records_end_by(durable));
  ASSERT_LE(end->end, run.begin() + run.wal().size());
  const bool is_forked = inventory->history.tip() == kSecond;
  EXPECT_TRUE(is_forked || durable <= run.fork());
  if (is_forked) {
    EXPECT_EQ(inventory->history.switch_point(kFirst), run.fork());
    EXPECT_GE(end->end, run.fork()) << "a timeline begins with all that its parent had";
  }
  const Lsn known = std::max(end->end, durable);
  const Lsn last = is_forked ? known : std::min(known, run.fork());
  const auto found = stored(directory, *inventory, run.begin(), last);
  ASSERT_EQ(found.size(), last - run.begin());
  EXPECT_TRUE(std::equal(found.begin(), found.end(), run.wal().begin()));
}

std::size_t cuts_wanted() {
  const char* const wanted = std::getenv("WALCAST_CUTS");
  return wanted == nullptr ? kCuts : std::strtoul(wanted, nullptr, 10);
}

TEST(SpoolPowerLossTest, NothingAcknowledgedIsLostAndNothingHalfIsBelieved) {
  const std::uint32_t seed = tests::random_seed();
  SpoolRun run(seed);
  run.run();
  const auto events = run.events();
  std::mt19937 random(seed);
  DiskImage image;
  std::size_t cuts = 0;
  for (std::size_t i = 0; i < events.size(); ++i) {
    image.apply(events[i]);
    if (random() % events.size() >= cuts_wanted()) continue;
    ++cuts;
    SCOPED_TRACE(runtime::format("power is lost behind call {} of {}, on {}", i, events.size(),
                                 events[i].file));
    const tests::TempDir left(tests::memory_directory());
    image.write_to(left.path(), DiskImage::Luck{static_cast<int>(random() % 3)}, random);
    check(left.path(), run, Lsn(image.promised("durable").value_or(0)));
    if (testing::Test::HasFailure()) return;
  }
  std::printf("power was lost %zu times in %zu calls\n", cuts, events.size());
}

}  // namespace
}  // namespace server::wal

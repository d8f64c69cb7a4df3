#include <gtest/gtest.h>
#include <poll.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "runtime/clock.h"
#include "runtime/file.h"
#include "server/wal/inventory.h"
#include "server/wal/spool.h"
#include "server/wal/writer.h"
#include "tests/support/disk_log.h"
#include "tests/support/random_seed.h"
#include "tests/support/temp_dir.h"
#include "tests/wal/samples.h"

// A spool on a disk that loses power behind any of its calls, and keeps of what was not synced what
// it likes: nothing that was acknowledged is lost, nothing half is believed, and a start cuts
// nothing that its mark says is on disk.
//
// WALCAST_TEST_SEED repeats a run; WALCAST_CUTS asks for other than kCuts losses of power, and
// WALCAST_SEGMENTS for other than kSegments segments of WAL.

namespace server::wal {
namespace {

using tests::DiskCall;
using tests::DiskImage;
using tests::filling;

constexpr std::size_t kCuts = 2000;
constexpr std::uint64_t kSegments = 16;
constexpr std::uint64_t kSegmentsPerTimeline = 4;
constexpr std::uint64_t kSegmentsKept = 2;

std::size_t number(const char* variable, std::size_t otherwise) {
  const char* const wanted = std::getenv(variable);
  return wanted == nullptr ? otherwise : std::strtoul(wanted, nullptr, 10);
}

// One spool that is written for a while, and all that it was given.
class SpoolRun {
 public:
  explicit SpoolRun(std::uint32_t seed) : random_(seed), room_(seed) {
    EXPECT_TRUE(spool_.open());
    EXPECT_TRUE(spool_.claim(identity_.system_identifier));
    tail_.adopt({TimelineHistory(TimelineId{1}), {}});
    writer_.emplace(Writer::Options{.directory = directory_.path(),
                                    .identity = identity_,
                                    .retention = {.wal_keep_bytes = kSegmentsKept * size().bytes(),
                                                  .holds = &holds_},
                                    .mark = &spool_.mark(),
                                    .mark_interval = {}},
                    clock_, tail_, doorbell_);
  }

  void run(std::uint64_t segments) {
    CHECK(writer_->start_empty(begin()).has_value());
    for (std::uint64_t done = 0; done < segments; done += kSegmentsPerTimeline) {
      if (done > 0) follow_new_timeline();
      grow_to(begin() + (done + kSegmentsPerTimeline) * size().bytes() - size().bytes() / 2);
    }
    writer_.reset();
    events_ = log_->events();
    log_.reset();
  }

  const std::vector<tests::DiskEvent>& events() const { return events_; }
  SegmentSize size() const { return identity_.segment_size; }
  Lsn begin() const { return size().start(SegmentNo{1}); }
  // Where a timeline ends; the end of all WAL for the last one.
  Lsn end_of(TimelineId timeline) const {
    const auto index = value(timeline) - 1;
    return index < forks_.size() ? forks_[index] : begin() + wal_.size();
  }
  const Identity& identity() const { return identity_; }
  const std::vector<std::byte>& wal() const { return wal_; }
  // Where the last record ends that is whole before `lsn`.
  Lsn records_end_by(Lsn lsn) const {
    const auto beyond = std::upper_bound(record_ends_.begin(), record_ends_.end(), lsn);
    return beyond == record_ends_.begin() ? begin() : *(beyond - 1);
  }

 private:
  // The disk is full now and then, for what takes room of it.
  int fail(const DiskCall& call) {
    const bool takes_room = call.name == "fallocate" || call.name == "pwrite";
    const bool is_wal = parse_file_name(call.file).has_value();
    return is_sending_ && takes_room && is_wal && room_() % 50 == 0 ? ENOSPC : 0;
  }

  // Pages or records at a time, as a primary sends them; some of it is taken back and sent again.
  void grow_to(Lsn end) {
    while (writer_->end() < end) {
      const auto kind = random_() % 40;
      const std::size_t small = 100 + random_() % 8'000;
      builder_.append_noop(filling(kind == 0 ? 700'000 : small));
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
      flush_but(size().bytes() - (to - writer_->end()));
      write(to);
      if (to < end && random_() % 10 == 0) rewind();
      if (random_() % 4 == 0) writer_->request_flush();
      promise();
    }
  }

  void write(Lsn to) {
    while (writer_->end() < to) {
      is_sending_ = true;
      const auto piece = std::span(wal_).subspan(writer_->end() - begin(), to - writer_->end());
      const auto written = writer_->write(piece);
      is_sending_ = false;
      CHECK(written || runtime::is_full_disk(written.error()));
    }
  }

  void rewind() {
    while (writer_->is_flushing()) await_doorbell();
    CHECK(writer_->rewind().has_value());
  }

  void follow_new_timeline() {
    const TimelineId parent = tail_.timelines()->history.tip();
    const TimelineId timeline{value(parent) + 1};
    forks_.push_back(writer_->proven());
    history_ += runtime::format("{}\t{}\tpromoted\n", value(parent), forks_.back());
    CHECK(writer_->add_history_file(timeline, history_).has_value());
    CHECK(writer_->prepare_timeline(parent, timeline).has_value());
    tail_.adopt({*TimelineHistory::parse(timeline, history_), {{timeline, history_}}});
    CHECK(writer_->follow_timeline().has_value());
    builder_ = WalBuilder(identity_, timeline, forks_.back(), builder_.previous_record());
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
  void promise() { log_->promise("durable", writer_->positions().durable().value()); }

  void await_doorbell() {
    pollfd rung{.fd = doorbell_.fd(), .events = POLLIN, .revents = 0};
    if (doorbell_.prepare_to_sleep()) CHECK(::poll(&rung, 1, /*timeout_ms=*/10'000) == 1);
    doorbell_.awake();
  }

  const Identity identity_ = tests::identity_of(1);
  const tests::TempDir directory_{tests::memory_directory()};
  std::mt19937 random_;
  std::mt19937 room_;
  std::atomic<bool> is_sending_ = false;
  std::optional<tests::DiskLog> log_{std::in_place, directory_.path(),
                                     [this](const DiskCall& call) { return fail(call); }};
  std::vector<tests::DiskEvent> events_;
  WalBuilder builder_ = tests::builder_of(identity_);
  std::vector<std::byte> wal_;
  std::vector<Lsn> record_ends_;
  std::vector<Lsn> forks_;
  std::string history_;
  runtime::SystemClock clock_;
  runtime::Doorbell doorbell_;
  Holds holds_{clock_};
  WalTail tail_;
  Spool spool_{{.directory = directory_.path()}};
  std::optional<Writer> writer_;
};

// What a relay that starts on what is left finds there, and makes of it.
class Start {
 public:
  Start(std::string path, const SpoolRun& run, Lsn durable)
      : directory_(std::move(path)), run_(run), durable_(durable) {}

  void check() {
    ASSERT_TRUE(spool_.open());
    const auto inventory = take_inventory(directory_);
    if (!inventory) return check_empty(inventory.error());
    EXPECT_TRUE(inventory->warnings.empty()) << inventory->warnings.front();
    EXPECT_LE(inventory->oldest, oldest_needed());
    ASSERT_TRUE(spool_.claim(run_.identity().system_identifier));
    const auto end = spool_.find_end(*inventory);
    ASSERT_TRUE(end) << end.error().what;
    check_end(*inventory, *end);
    check_bytes(*inventory, std::max(end->end, durable_));
    go_on(*inventory, *end);
    check_bytes(*inventory, end->end);
  }

 private:
  void check_empty(const runtime::Error& error) const {
    EXPECT_EQ(error.kind, &kNoWal) << error.what;
    EXPECT_TRUE(spool_.check_empty());
    EXPECT_LE(durable_, run_.begin()) << "all is lost";
  }

  // More than that only wal_keep_size keeps, behind an end of WAL that may not be durable.
  SegmentNo oldest_needed() const {
    return run_.size().segment_of(std::max(durable_, run_.begin()));
  }

  // What was acknowledged may end within a record. The disk has the record's begin then, and WAL is
  // found to end before it.
  void check_end(const Inventory& inventory, const EndOfWal& end) const {
    EXPECT_GE(end.end, run_.records_end_by(durable_));
    const TimelineId tip = inventory.history.tip();
    EXPECT_LE(end.end, run_.end_of(tip));
    EXPECT_LE(durable_, run_.end_of(tip));
    for (TimelineId at{1}; at < tip; at = TimelineId{value(at) + 1}) {
      EXPECT_EQ(inventory.history.switch_point(at), run_.end_of(at));
      EXPECT_GE(end.end, run_.end_of(at)) << "a timeline begins with all that its parent had";
    }
  }

  void check_bytes(const Inventory& inventory, Lsn end) const {
    const Lsn begin = run_.size().start(inventory.oldest);
    FilePages pages(directory_.path(), inventory.history, run_.size());
    for (Lsn page = begin; page < end; page += kPageBytes) {
      const std::size_t wanted = std::min<std::uint64_t>(kPageBytes, end - page);
      const PageView view = pages.page(page);
      ASSERT_GE(view.bytes.size(), wanted) << to_string(page);
      ASSERT_TRUE(std::equal(view.bytes.begin(),
                             view.bytes.begin() + static_cast<std::ptrdiff_t>(wanted),
                             run_.wal().begin() + static_cast<std::ptrdiff_t>(page - run_.begin())))
          << to_string(page);
    }
  }

  void go_on(const Inventory& inventory, const EndOfWal& end) {
    runtime::FakeClock clock;
    runtime::Doorbell doorbell;
    Holds holds(clock);
    WalTail tail;
    tail.adopt({inventory.history, {}});
    Writer writer({.directory = directory_.path(),
                   .identity = run_.identity(),
                   .retention = {.wal_keep_bytes = std::uint64_t{1} << 30, .holds = &holds}},
                  clock, tail, doorbell);
    EXPECT_TRUE(writer.start(end.end, end.last_record));
  }

  const Directory directory_;
  const SpoolRun& run_;
  const Lsn durable_;
  Spool spool_{{.directory = directory_.path()}};
};

TEST(SpoolPowerLossTest, NothingAcknowledgedIsLostAndNothingHalfIsBelieved) {
  const std::uint32_t seed = tests::random_seed();
  SpoolRun run(seed);
  run.run(number("WALCAST_SEGMENTS", kSegments));
  const auto& events = run.events();
  const std::size_t cuts_wanted = number("WALCAST_CUTS", kCuts);
  std::mt19937 random(seed);
  DiskImage image;
  std::size_t cuts = 0;
  testing::internal::CaptureStderr();  // of what is set aside
  for (std::size_t i = 0; i < events.size() && !testing::Test::HasFailure(); ++i) {
    image.apply(events[i]);
    if (random() % events.size() >= cuts_wanted) continue;
    ++cuts;
    SCOPED_TRACE(runtime::format("power is lost behind call {} of {}, on {}", i, events.size(),
                                 events[i].file));
    const tests::TempDir left(tests::memory_directory());
    image.write_to(left.path(), DiskImage::Luck{static_cast<int>(random() % 3)}, random);
    Start(left.path(), run, Lsn(image.promised("durable").value_or(0))).check();
  }
  testing::internal::GetCapturedStderr();
  std::printf("power was lost %zu times in %zu calls\n", cuts, events.size());
}

}  // namespace
}  // namespace server::wal

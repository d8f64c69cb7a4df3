#include "tests/wal/spool_life.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>

#include "server/wal/pages.h"

namespace server::wal {

using tests::DiskCall;

namespace {

// Which syncs the writer's thread makes itself: all, or none, so that the flusher's does.
constexpr runtime::Duration kAnySync = std::chrono::hours(1);
constexpr runtime::Duration kNoSync{};

}  // namespace

SpoolLife::SpoolLife(std::string directory, const SpoolScript& script, std::uint32_t seed,
                     Lsn durable)
    : directory_(std::move(directory)),
      script_(script),
      durable_(durable),
      random_(seed),
      room_(seed + 1),
      log_(std::in_place, directory_.path(), [this](const DiskCall& call) { return fail(call); }),
      spool_({.directory = directory_.path()}) {
  promise(durable_);
}

// The mark is written in its place, which takes no room.
int SpoolLife::fail(const DiskCall& call) {
  const bool takes_room = call.name == "fallocate" || (call.name == "mkdir" && call.file != ".") ||
                          (call.name == "open" && (call.flags & O_CREAT) != 0) ||
                          (call.name == "pwrite" && call.file != SpoolMark::kFileName);
  return takes_room && room_() % 50 == 0 ? ENOSPC : 0;
}

template <typename Try>
auto SpoolLife::until_there_is_room(Try attempt) {
  for (;;) {
    auto done = attempt();
    if (done || !runtime::is_full_disk(done.error())) return done;
  }
}

void SpoolLife::start() {
  const auto opened = until_there_is_room([this] { return spool_.open(); });
  ASSERT_TRUE(opened) << opened.error().what << opened.error().detail;
  const auto inventory = until_there_is_room([this] { return spool_.take_inventory(); });
  if (!inventory) return start_empty(inventory.error());
  EXPECT_TRUE(inventory->warnings.empty()) << inventory->warnings.front();
  ASSERT_TRUE(
      until_there_is_room([this] { return spool_.claim(script_.identity().system_identifier); }));
  resume(*inventory);
}

void SpoolLife::start_empty(const runtime::Error& error) {
  ASSERT_EQ(error.kind, &kNoWal) << error.what;
  const auto empty = spool_.check_empty();
  ASSERT_TRUE(empty) << empty.error().what;
  ASSERT_LE(durable_, script_.begin()) << "all is lost";
  ASSERT_TRUE(
      until_there_is_room([this] { return spool_.claim(script_.identity().system_identifier); }));
  make_writer(TimelineId{1});
  ASSERT_TRUE(until_there_is_room([this] { return writer_->start_empty(script_.begin()); }));
}

// What is written again lies in the two newest segments, as with source::Resumption. Of a record
// that is not whole a start keeps whole pages at most, and gives up the rest of what was durable:
// the primary sends the record from its begin again.
void SpoolLife::resume(const Inventory& inventory) {
  const SegmentSize size = script_.size();
  EXPECT_LE(inventory.oldest, size.segment_of(std::max(durable_, script_.begin())))
      << "more than that only wal_keep_size keeps";
  const auto end = spool_.find_end(inventory);
  ASSERT_TRUE(end) << end.error().what;
  check_end(inventory, *end);
  check_bytes(inventory, std::max(end->end, durable_));
  if (testing::Test::HasFailure()) return;
  make_writer(inventory.history.tip());
  const Lsn found = std::max(end->end, end->incomplete_to);
  promise(std::min(durable_, found));
  const auto started = writer_->start(end->end, end->last_record, end->incomplete_to);
  ASSERT_TRUE(started || runtime::is_full_disk(started.error())) << started.error().what;
  check_bytes(inventory, end->end);
  const Lsn written = writer_->end();
  const Lsn again = size.start(SegmentNo{value(size.segment_of(written)) - 1});
  take_back(std::max(end->end, again));
}

// What was acknowledged may end within a record. The disk has the record's begin then, and WAL is
// found to end before it.
void SpoolLife::check_end(const Inventory& inventory, const EndOfWal& end) const {
  EXPECT_GE(end.end, script_.records_end_by(durable_));
  const TimelineId tip = inventory.history.tip();
  EXPECT_LE(end.end, script_.end_of(tip));
  EXPECT_LE(durable_, script_.end_of(tip));
  for (TimelineId at{1}; at < tip; at = TimelineId{value(at) + 1}) {
    EXPECT_EQ(inventory.history.switch_point(at), script_.end_of(at));
    EXPECT_GE(end.end, script_.end_of(at)) << "a timeline begins with all that its parent had";
  }
}

void SpoolLife::check_bytes(const Inventory& inventory, Lsn end) const {
  FilePages pages(directory_.path(), inventory.history, script_.size());
  for (Lsn page = script_.size().start(inventory.oldest); page < end; page += kPageBytes) {
    const auto wanted = script_.wal(page, std::min(end, page + kPageBytes));
    const PageView view = pages.page(page);
    ASSERT_GE(view.bytes.size(), wanted.size()) << to_string(page);
    ASSERT_EQ(std::memcmp(wanted.data(), view.bytes.data(), wanted.size()), 0) << to_string(page);
  }
}

TimelineHistory SpoolLife::history(TimelineId timeline) const {
  return timeline == TimelineId{1} ? TimelineHistory(timeline)
                                   : *TimelineHistory::parse(timeline, script_.history(timeline));
}

void SpoolLife::make_writer(TimelineId timeline) {
  tail_.adopt({history(timeline), {}});
  writer_.emplace(
      Writer::Options{
          .directory = directory_.path(),
          .identity = script_.identity(),
          .retention = {.wal_keep_bytes = random_() % 3 * script_.size().bytes(), .holds = &holds_},
          .mark = &spool_.mark(),
          .mark_interval = {},
          .quick_sync = random_() % 2 == 0 ? kAnySync : kNoSync},
      clock_, tail_, doorbell_);
}

void SpoolLife::receive(Lsn to) {
  while (writer_->end() < to) {
    const TimelineId tip = tail_.timelines()->history.tip();
    if (writer_->end() == script_.end_of(tip)) {
      follow_new_timeline();
    } else {
      send_piece(std::min(to, script_.end_of(tip)));
    }
  }
}

// Pages or a record at a time, as a primary sends them; some of it is taken back and sent again.
void SpoolLife::send_piece(Lsn to) {
  const Lsn begin = writer_->end();
  const Lsn record_end = std::min(to, script_.record_end(begin));
  const Lsn page_end = begin.page_start() + (1 + random_() % 20) * kPageBytes;
  const Lsn end = random_() % 2 == 0 ? record_end : std::min(record_end, page_end);
  flush_but(script_.size().bytes() - (end - begin));
  const auto written =
      until_there_is_room([&] { return writer_->write(script_.wal(writer_->end(), end)); });
  ASSERT_TRUE(written) << written.error().what;
  if (end < record_end && random_() % 10 == 0) take_back(writer_->proven());
  if (random_() % 4 == 0) writer_->request_flush();
  if (random_() % 3 == 0) flush_but(0);
  promise(writer_->flushed());
}

void SpoolLife::follow_new_timeline() {
  const TimelineId parent = tail_.timelines()->history.tip();
  const TimelineId timeline{value(parent) + 1};
  flush_but(0);
  const std::string text = script_.history(timeline);
  ASSERT_TRUE(until_there_is_room([&] { return writer_->add_history_file(timeline, text); }));
  ASSERT_TRUE(until_there_is_room([&] { return writer_->prepare_timeline(parent, timeline); }));
  tail_.adopt({history(timeline), {{timeline, text}}});
  const auto followed = writer_->follow_timeline();
  ASSERT_TRUE(followed || runtime::is_full_disk(followed.error())) << followed.error().what;
}

// The primary has it still: it has just sent it again.
void SpoolLife::take_back(Lsn from) {
  wait_for_flush();
  promise(std::min(from, writer_->flushed()));
  const auto taken_back = until_there_is_room([&] { return writer_->take_back(from); });
  ASSERT_TRUE(taken_back) << taken_back.error().what;
}

// As RelaySource does: only in the two newest segments there may be what the disk has lost.
void SpoolLife::flush_but(std::uint64_t bytes_max) {
  while (writer_->flushed() + bytes_max < writer_->end()) {
    writer_->request_flush();
    wait_for_flush();
  }
  promise(writer_->flushed());
}

void SpoolLife::wait_for_flush() {
  while (writer_->is_flushing()) doorbell_.wait(/*fd=*/-1, /*events=*/0, std::chrono::seconds(1));
}

std::vector<tests::DiskEvent> SpoolLife::end(End end) {
  if (end == End::kCleanly) {
    writer_->finish();
    promise(writer_->flushed());
    EXPECT_EQ(writer_->flushed(), writer_->end());
    if (!writer_->empty() && writer_->proven() > script_.begin()) {
      EXPECT_EQ(spool_.mark().content().kept_to, writer_->proven());
    }
  }
  writer_.reset();
  auto events = log_->events();
  log_.reset();
  return events;
}

}  // namespace server::wal

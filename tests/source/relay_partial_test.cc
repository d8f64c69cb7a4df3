#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <thread>

#include "server/source/quorum.h"
#include "tests/source/relay_rig.h"
#include "tests/support/logged.h"

// A relay that has the begin of a record, whose rest may be long in coming: what its primary hears
// of it, and what becomes of it.

namespace tests {

using server::source::Quorum;
using server::wal::Lsn;

namespace {

struct RelayPartialTest : RelayRig {
  // A relay that has what there is, and then the next record up to half_.
  void receive_half(std::uint64_t bytes, std::uint64_t half, Quorum* quorum = nullptr) {
    start_primary();
    auto with_quorum = options(primary->port());
    with_quorum.receiver.quorum = quorum;
    start_relay(with_quorum);
    ASSERT_TRUE(follower->wait_for(end()));
    before_ = end();
    append(bytes);
    half_ = (before_ + half).page_start();
    ASSERT_GT(after_, half_);
    primary->publish(half_);
  }
  // A primary that has lost the begin of the first record can prove no more of it than that another
  // one follows.
  void append(std::uint64_t bytes) {
    builder.append_noop(filling(bytes));
    builder.append_noop(filling(100));
    after_ = write();
  }
  // The same on a new primary, which has lost the segments before `first`.
  void start_again(std::uint64_t first) {
    relay->stop();
    relay.reset();
    primary.reset();
    whole_ = wal(begin(), after_);
    for (std::uint64_t no = 1; no < first; ++no) directory.remove(segment(no));
    primary.emplace(directory.path(), identity, TestServer::Options{});
    primary->serve(std::max(begin(), segment_start(first)), half_);
    start_relay(options(primary->port()));
  }
  // The primary flushes the rest, and more. Whether the relay has it all, and right.
  void expect_the_rest() {
    primary->publish(after_);
    ASSERT_TRUE(follower->wait_for(after_));
    EXPECT_TRUE(received(begin(), after_) == whole_);
  }
  bool primary_hears(Lsn write, Lsn flush) {
    return eventually([&] {
      const auto sessions = primary->sessions();
      return !sessions.empty() && sessions[0].write == write && sessions[0].flush == flush;
    });
  }
  bool has_written(Lsn lsn) {
    return eventually([&] { return received(lsn - 8192, lsn) == wal(lsn - 8192, lsn); });
  }
  template <typename Done>
  static bool eventually(Done done) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!done()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      std::this_thread::yield();
    }
    return true;
  }

  Lsn before_, half_, after_;
  std::string whole_;
};

// A standby that was our upstream could not be stopped: its primary had died within a record, and
// a stopping walsender waits until all that it has sent is confirmed.
TEST_F(RelayPartialTest, ThePrimaryHearsOfAllThatItHasSent) {
  receive_half(100'000, 50'000);
  EXPECT_TRUE(primary_hears(half_, half_));
  EXPECT_EQ(follower->end(), before_) << "what is not whole goes to no standby";
  primary->publish(after_);
  EXPECT_TRUE(follower->wait_for(after_));
  EXPECT_TRUE(primary_hears(after_, after_));
}

// It is never sent half a record, so it cannot confirm one.
TEST_F(RelayPartialTest, AStandbyThatHasAllRecordsHoldsUpNothing) {
  Quorum quorum(*server::source::parse_ack_policy("all (a)"));
  const auto has = [&](Lsn lsn) {
    quorum.report(1, "a", {.write = lsn, .flush = lsn, .apply = lsn});
  };
  has(end() - 8);
  const Lsn less = end() - 8;
  receive_half(100'000, 50'000, &quorum);
  ASSERT_TRUE(has_written(half_));
  EXPECT_TRUE(primary_hears(less, less));
  has(before_);
  EXPECT_TRUE(primary_hears(half_, half_));
  primary->publish(after_);
  ASSERT_TRUE(follower->wait_for(after_));
  EXPECT_TRUE(primary_hears(half_, half_)) << "the record is whole, and the standby lacks it";
  has(after_);
  EXPECT_TRUE(primary_hears(after_, after_));
  relay->stop();
}

// The slot of the primary had moved with what was confirmed, and the record begins before that.
TEST_F(RelayPartialTest, AfterARestartItKeepsWhatThePrimaryNoLongerHas) {
  receive_half(4'000'000, 3'500'000);
  ASSERT_TRUE(primary_hears(half_, half_));
  const auto newest = value(identity.segment_size.segment_of(half_));
  ASSERT_EQ(newest, 4u);
  testing::internal::CaptureStderr();
  start_again(newest);
  EXPECT_TRUE(eventually([&] { return primary->wal_senders() == 1; }));
  EXPECT_TRUE(primary_hears(half_, half_));
  expect_the_rest();
  relay->stop();
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_LE(count_of(log, "has already been removed"), 1u) << log;
  EXPECT_EQ(count_of(log, "WARNING"), 0u) << log;
}

TEST_F(RelayPartialTest, TwoRestartsWithinOneRecord) {
  receive_half(4'000'000, 2'500'000);
  ASSERT_TRUE(primary_hears(half_, half_));
  start_again(3);
  ASSERT_TRUE(primary_hears(half_, half_));
  half_ = (half_ + 1'000'000).page_start();
  primary->publish(half_);
  ASSERT_TRUE(primary_hears(half_, half_));
  relay->stop();
  relay.reset();
  primary.reset();
  directory.remove(segment(3));
  primary.emplace(directory.path(), identity, TestServer::Options{});
  primary->serve(segment_start(4), half_);
  start_relay(options(primary->port()));
  ASSERT_TRUE(primary_hears(half_, half_));
  expect_the_rest();
}

// After a crash of the host the newest of its pages may be torn. The primary's slot has kept these.
TEST_F(RelayPartialTest, WhatWasNotSyncedIsReceivedAgain) {
  receive_half(4'000'000, 3'500'000);
  ASSERT_TRUE(has_written(half_));
  relay->stop();
  for (const std::uint64_t no : {3u, 4u}) spoil(segment_start(no) + 5000, std::string(512, '\0'));
  start_again(3);
  expect_the_rest();
}

TEST_F(RelayPartialTest, APageThatIsWrongIsReceivedAgainWhenTheRecordIsWhole) {
  receive_half(4'000'000, 3'500'000);
  ASSERT_TRUE(has_written(half_));
  relay->stop();
  spoil(segment_start(2) + 5000, std::string(512, '\0'));
  start_again(1);
  expect_the_rest();
}

// A spool that began within a record has none yet.
TEST_F(RelayPartialTest, ASpoolThatBeganWithinARecordGoesOn) {
  append(5'000'000);
  primary.emplace(directory.path(), identity, TestServer::Options{});
  primary->serve(begin(), segment_start(2) + 8192);
  start_relay(options(primary->port()));
  ASSERT_TRUE(primary_hears(segment_start(2) + 8192, segment_start(2) + 8192));
  half_ = segment_start(5) - 8192;
  primary->publish(half_);
  ASSERT_TRUE(primary_hears(half_, half_));
  start_again(4);
  EXPECT_TRUE(primary_hears(half_, half_));
  primary->publish(after_);
  ASSERT_TRUE(follower->wait_for(after_));
  const auto from = segment_start(2);
  EXPECT_TRUE(received(from, after_) == whole_.substr(from - begin()));
}

}  // namespace
}  // namespace tests

#pragma once

#include <gtest/gtest.h>
#include <poll.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/clock.h"
#include "server/wal/names.h"
#include "server/wal/writer.h"
#include "tests/support/fake_holder.h"
#include "tests/support/wal_directory.h"
#include "tests/wal/samples.h"

namespace server::wal {

inline constexpr TimelineId kFirst{1};
inline constexpr TimelineId kSecond{2};

// A writer on a directory of its own, and a builder of the WAL that it is fed.
struct WriterRig : testing::Test {
  // A server that has just started on what is in the directory: nothing, or WAL up to `end`.
  void start_empty(Lsn begin) {
    make({TimelineHistory(kFirst), {}});
    ASSERT_TRUE(writer->start_empty(begin));
  }
  void resume(Lsn end, Lsn last_record) {
    make({TimelineHistory(kFirst), {}});
    ASSERT_TRUE(writer->start(end, last_record));
  }
  void make(Timelines timelines) {
    writer.reset();
    tail = std::make_unique<WalTail>();
    tail->adopt(std::move(timelines));
    writer.emplace(options, clock, *tail, doorbell);
  }

  // The builder's WAL from where the last call has left.
  std::vector<std::byte> take() {
    std::vector<std::byte> wal(builder.bytes().begin(), builder.bytes().end());
    builder.clear();
    return wal;
  }
  void append(std::size_t record_bytes) { builder.append_noop(tests::filling(record_bytes)); }
  void await_doorbell() {
    pollfd rung{.fd = doorbell.fd(), .events = POLLIN, .revents = 0};
    if (doorbell.prepare_to_sleep()) {
      ASSERT_EQ(::poll(&rung, 1, /*timeout_ms=*/10'000), 1);
    }
    doorbell.awake();
  }
  void wait_for_flush() {
    while (writer->flushed() < writer->end()) {
      writer->request_flush();
      await_doorbell();
    }
  }
  std::string path(TimelineId timeline, std::uint64_t no) const {
    return directory.path() + "/" + segment_name(timeline, SegmentNo{no}, identity.segment_size);
  }
  Lsn begin() const { return identity.segment_size.start(SegmentNo{1}); }

  Identity identity = tests::identity_of(1);
  tests::WalDirectory directory{kFirst, identity.segment_size};
  WalBuilder builder = tests::builder_of(identity);
  runtime::SystemClock clock;
  Holds holds{clock};
  tests::FakeHolder slots;
  runtime::Doorbell doorbell;
  std::unique_ptr<WalTail> tail;
  Writer::Options options{.directory = directory.path(),
                          .identity = identity,
                          .retention = {.wal_keep_bytes = std::uint64_t{1} << 30, .holds = &holds},
                          .quick_sync = {}};  // so that each sync rings the doorbell
  std::optional<Writer> writer;
};

}  // namespace server::wal

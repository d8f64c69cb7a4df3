#pragma once

#include <gtest/gtest.h>

#include <optional>
#include <vector>

#include "runtime/clock.h"
#include "server/wal/directory_pages.h"
#include "server/wal/reader.h"
#include "server/wal/tail.h"
#include "tests/wal/growing_wal.h"
#include "tests/wal/span_taker.h"

namespace tests {

// A directory that grows when the test says so, its reader, and a loop that takes the spans.
struct ReaderTest : ::testing::Test, GrowingWal {
  ReaderTest() { tail.adopt({server::wal::TimelineHistory(server::wal::TimelineId{1}), {}}); }

  // What is read from `position` on is what the tests are about.
  void seek(server::wal::Lsn position, server::wal::Lsn previous = {}) {
    reader.seek(position, previous);
  }
  // A reader that has read all there is.
  void follow(std::uint64_t bytes) {
    grow(bytes);
    seek(begin());
    EXPECT_EQ(reader.advance(), server::wal::Outcome::kEndOfWal);
    EXPECT_EQ(reader.position(), end());
    loop.take();
  }
  // The spans of one advance, which must end so.
  std::vector<server::wal::WalSpan> advance(
      server::wal::Outcome expected = server::wal::Outcome::kEndOfWal) {
    EXPECT_EQ(reader.advance(), expected);
    return loop.take();
  }
  // Appends a record, but does not write it. Returns where it lies.
  server::wal::RecordSpan append(std::size_t size) { return builder.append_noop(filling(size)); }

  runtime::FakeClock clock;
  server::wal::WalTail tail;
  SpanTaker loop{tail};
  server::wal::DirectoryPages directory_pages{directory.path(), identity.segment_size};
  server::wal::Reader reader{directory_pages, identity, clock, tail};
};

// That there is one span, and that it is of this WAL.
inline void expect_span(const std::vector<server::wal::WalSpan>& spans, server::wal::Lsn begin,
                        server::wal::Lsn end) {
  ASSERT_EQ(spans.size(), 1u);
  EXPECT_EQ(spans[0].begin, begin);
  EXPECT_EQ(spans[0].end, end);
}

}  // namespace tests

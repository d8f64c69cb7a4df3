#pragma once

#include <gtest/gtest.h>

#include <string>

#include "runtime/check.h"
#include "server/wal/fault_log.h"
#include "server/wal/segments.h"
#include "tests/support/logged.h"
#include "tests/support/ticking_clock.h"
#include "tests/wal/growing_wal.h"

namespace tests {

// A directory of WAL, and the segments that all loops share; the test is the loops.
struct SegmentsTest : ::testing::Test, GrowingWal {
  explicit SegmentsTest(std::uint32_t segment_mb = 1) : GrowingWal(segment_mb) {}

  server::wal::SegmentRef opened(server::wal::Lsn lsn) {
    auto segment = segments.open(timelines, lsn);
    CHECK(segment.has_value());
    return std::move(segment).value();
  }
  runtime::Result<server::wal::PreparedSlice> prepare(server::wal::SegmentRef segment,
                                                      server::wal::Lsn lsn) {
    return segments.prepare(timelines, std::move(segment), lsn, end());
  }
  // What a loop gets that asks for the slice of `lsn` now.
  server::wal::PreparedSlice prepared(server::wal::Lsn lsn) {
    auto slice = prepare(opened(lsn), lsn);
    CHECK(slice.has_value());
    return std::move(slice).value();
  }
  runtime::Error refused(server::wal::Lsn lsn) {
    const auto slice = prepare(opened(lsn), lsn);
    CHECK(!slice.has_value());
    return slice.error();
  }

  server::wal::Timelines timelines{server::wal::TimelineHistory(server::wal::TimelineId{1}), {}};
  server::wal::FaultLog faults{identity};
  TickingClock clock;
  server::wal::Segments segments{directory.path(), identity, faults, clock};
};

// The same with four slices in each segment.
struct SlicesTest : SegmentsTest {
  SlicesTest() : SegmentsTest(4) {}

  server::wal::Lsn slice(std::uint32_t no) const {
    return begin() + std::uint64_t{no} * server::wal::kSliceBytes;
  }
};

}  // namespace tests

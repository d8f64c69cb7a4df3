#pragma once

#include <algorithm>
#include <cstdint>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "runtime/format.h"
#include "server/wal/builder.h"
#include "server/wal/timeline.h"
#include "tests/wal/samples.h"

namespace server::wal {

// All WAL that the primaries of one spool ever make: small commits and now and then a record that
// is nearly a segment long, on one timeline after another.
class SpoolScript {
 public:
  SpoolScript(std::uint32_t seed, std::uint64_t segments) {
    std::mt19937 random(seed);
    WalBuilder builder = tests::builder_of(identity_);
    for (std::uint64_t done = 0; done < segments; done += kSegmentsPerTimeline) {
      if (done > 0) {
        forks_.push_back(builder.end());
        builder = WalBuilder(identity_, TimelineId{value(builder.timeline()) + 1}, builder.end(),
                             builder.previous_record());
      }
      const Lsn to = begin() + (done + kSegmentsPerTimeline) * size().bytes() - size().bytes() / 2;
      while (builder.end() < to) {
        const bool is_long = random() % 200 == 0;
        builder.append_noop(tests::filling(is_long ? 700'000 : 100 + random() % 8'000));
        record_ends_.push_back(builder.end());
        wal_.insert(wal_.end(), builder.bytes().begin(), builder.bytes().end());
        builder.clear();
      }
    }
  }

  const Identity& identity() const { return identity_; }
  SegmentSize size() const { return identity_.segment_size; }
  Lsn begin() const { return size().start(SegmentNo{1}); }
  Lsn end() const { return begin() + wal_.size(); }
  std::span<const std::byte> wal(Lsn from, Lsn to) const {
    return std::span(wal_).subspan(from - begin(), to - from);
  }
  // Where a timeline ends; the end of all WAL for the last one.
  Lsn end_of(TimelineId timeline) const {
    const auto index = value(timeline) - 1;
    return index < forks_.size() ? forks_[index] : end();
  }
  std::string history(TimelineId timeline) const {
    std::string text;
    for (std::uint32_t parent = 1; parent < value(timeline); ++parent) {
      text += runtime::format("{}\t{}\tpromoted\n", parent, forks_[parent - 1]);
    }
    return text;
  }
  // Where the last record ends that is whole before `lsn`.
  Lsn records_end_by(Lsn lsn) const {
    const auto beyond = std::upper_bound(record_ends_.begin(), record_ends_.end(), lsn);
    return beyond == record_ends_.begin() ? begin() : *(beyond - 1);
  }
  // Where the record ends of which the byte at `lsn` is. REQUIRES: lsn < end().
  Lsn record_end(Lsn lsn) const {
    return *std::upper_bound(record_ends_.begin(), record_ends_.end(), lsn);
  }

 private:
  static constexpr std::uint64_t kSegmentsPerTimeline = 4;

  const Identity identity_ = tests::identity_of(1);
  std::vector<std::byte> wal_;
  std::vector<Lsn> record_ends_;
  std::vector<Lsn> forks_;
};

}  // namespace server::wal

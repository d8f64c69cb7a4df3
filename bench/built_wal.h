#pragma once

// Segments of WAL in memory, full of records of one size.

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "server/wal/builder.h"
#include "server/wal/format.h"
#include "server/wal/pages.h"

namespace bench {

inline constexpr std::uint64_t kSegmentBytes = 16 << 20;

inline constexpr server::wal::Identity kIdentity{
    .system_identifier = 1, .segment_size = {}, .page_magic = *server::wal::page_magic(15)};

// One segment of records of one size.
struct BuiltSegment {
  explicit BuiltSegment(std::int64_t record_bytes)
      : begin(kIdentity.segment_size.start(server::wal::SegmentNo{1})),
        builder(kIdentity, server::wal::TimelineId{1}, begin) {
    const std::vector<std::byte> data(static_cast<std::size_t>(record_bytes), std::byte{0x5A});
    while (builder.end() - begin <
           kSegmentBytes - static_cast<std::uint64_t>(record_bytes) - 8192) {
      builder.append_noop(data);
      ++records;
    }
  }

  server::wal::Lsn begin;
  server::wal::WalBuilder builder;
  std::int64_t records = 0;
};

class MemoryPages final : public server::wal::PageSource {
 public:
  explicit MemoryPages(const server::wal::WalBuilder& builder)
      : begin_(builder.begin()), bytes_(builder.bytes()) {}
  server::wal::PageView page(server::wal::Lsn page) override {
    const std::size_t offset = std::min<std::size_t>(page - begin_, bytes_.size());
    return {.bytes = bytes_.subspan(
                offset, std::min<std::size_t>(bytes_.size() - offset, server::wal::kPageBytes))};
  }
  server::wal::TimelineId file_timeline(server::wal::SegmentNo) const override {
    return server::wal::TimelineId{1};
  }
  bool bytes_are_final() const override { return true; }

 private:
  const server::wal::Lsn begin_;
  const std::span<const std::byte> bytes_;
};

}  // namespace bench

#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include "runtime/errors.h"
#include "server/wal/builder.h"
#include "server/wal/pages.h"

namespace tests {

inline constexpr server::wal::TimelineId kTimeline{1};

// WAL in memory as a source of pages: like a directory whose last file ends with the last byte, and
// whose first begins with the first page.
class MemoryPages final : public server::wal::PageSource {
 public:
  // REQUIRES: begin is the start of a page.
  MemoryPages(server::wal::Lsn begin, std::span<const std::byte> bytes)
      : begin_(begin), bytes_(bytes.begin(), bytes.end()), size_(bytes.size()) {}
  explicit MemoryPages(const server::wal::WalBuilder& builder)
      : MemoryPages(builder.begin(), builder.bytes()) {}

  server::wal::PageView page(server::wal::Lsn page) override {
    ++reads_;
    if (page < begin_ || page > begin_ + size_) {
      return {.bytes = {},
              .problem = runtime::Error{.kind = &runtime::kFileMissing, .what = "none"}};
    }
    const std::size_t offset = page - begin_;
    const std::size_t room = std::min<std::size_t>(size_ - offset, server::wal::kPageBytes);
    return {.bytes = std::span(bytes_).subspan(offset, room)};
  }
  server::wal::TimelineId file_timeline(server::wal::SegmentNo) const override { return timeline_; }

  std::byte& at(server::wal::Lsn lsn) { return bytes_.at(lsn - begin_); }
  // Hides all but the first `size` bytes.
  void show(std::size_t size) { size_ = std::min(size, bytes_.size()); }
  void set_timeline(server::wal::TimelineId timeline) { timeline_ = timeline; }

  server::wal::Lsn begin() const { return begin_; }
  server::wal::Lsn end() const { return begin_ + bytes_.size(); }
  std::size_t size() const { return bytes_.size(); }
  // Calls of page().
  std::size_t reads() const { return reads_; }

 private:
  server::wal::Lsn begin_;
  std::vector<std::byte> bytes_;
  std::size_t size_;
  std::size_t reads_ = 0;
  server::wal::TimelineId timeline_ = kTimeline;
};

}  // namespace tests

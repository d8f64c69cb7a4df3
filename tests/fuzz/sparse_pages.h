#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "server/wal/identity.h"
#include "server/wal/pages.h"
#include "tests/fuzz/input.h"

namespace tests {

// WAL of which only what is not zero is kept, so that an input of a few bytes can reach over
// segments. Like a directory whose first file begins with begin() and whose last one ends at end().
//   Owner: one run of a fuzzer.  Thread: any.
//   Invariant: a page lies in a block of its own, of which only what the last call showed can be
//   read: AddressSanitizer sees a reader that looks further, or later.
class SparsePages final : public server::wal::PageSource {
 public:
  static constexpr server::wal::SegmentSize kSegmentSize{1 << 20};
  static constexpr std::uint64_t kBytesMax = 2 * (1 << 20) + 8 * server::wal::kPageBytes;

  // Runs of bytes, each behind a gap of zeros: the lengths of gap and run, then the run. The
  // cluster that wrote it, and where it begins, are what its first page says, as far as that may
  // be.
  explicit SparsePages(FuzzInput input);
  // None yet.
  SparsePages(const server::wal::Identity& identity, server::wal::TimelineId file_timeline,
              server::wal::Lsn begin);

  server::wal::PageView page(server::wal::Lsn page) override;
  server::wal::TimelineId file_timeline(server::wal::SegmentNo) const override {
    return file_timeline_;
  }

  const server::wal::Identity& identity() const { return identity_; }
  server::wal::Lsn begin() const { return begin_; }
  server::wal::Lsn end() const { return end_; }
  // The end of what there is, whatever is shown.
  server::wal::Lsn full_end() const { return full_end_; }

  // Copies bytes in, and moves the end behind them if they reach beyond it. REQUIRES: they begin at
  // or after begin().
  void put(server::wal::Lsn lsn, std::span<const std::byte> bytes);
  void extend_to(server::wal::Lsn end);
  // REQUIRES: they lie before the full end.
  std::vector<std::byte> get(server::wal::Lsn lsn, std::size_t size) const;

  // Hides what lies at or after `end`: the last file ends there, or is zero from there on.
  enum class Hidden { kMissing, kZeros };
  void show(server::wal::Lsn end, Hidden hidden = Hidden::kMissing);
  void show_all() { show(full_end_); }
  // Removes the first segment. REQUIRES: there is a second one.
  void drop_first_segment();

 private:
  using Page = std::vector<std::byte>;

  template <typename Visit>
  static void for_each_part(server::wal::Lsn lsn, std::size_t size, Visit visit);
  bool has_file(server::wal::Lsn page) const;
  std::span<std::byte> contents_of(server::wal::Lsn page);

  server::wal::Identity identity_;
  server::wal::TimelineId file_timeline_;
  server::wal::Lsn begin_;
  server::wal::Lsn full_end_;
  server::wal::Lsn end_;                            // of what is shown
  server::wal::Lsn zeros_from_;                     // what is shown from here on is zeros
  mutable std::map<server::wal::Lsn, Page> pages_;  // what is in none of them is zero
  Page zeros_ = Page(server::wal::kPageBytes);
  Page torn_;
  std::span<std::byte> shown_;
};

}  // namespace tests

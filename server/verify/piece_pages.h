#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "runtime/fd.h"
#include "runtime/result.h"
#include "server/verify/piece.h"
#include "server/wal/identity.h"
#include "server/wal/pages.h"
#include "server/wal/timeline.h"

namespace server::verify {

// The pages of a piece, read once and in order; with the first and the last page of its segment,
// which a reader asks for besides. Looks by the way at what a reader does not: which timeline a
// page is of, by the history, and that the bytes that mean nothing are zero.
//   Owner: one prover.  Thread: the owner's; page() blocks on the file.
//   Borrows: the history.
//   Invariant: the window holds the file's bytes from window_begin_ on.
//   Limits: one open file, one window of kWindowBytes. Files are read, never mapped: another
//   process may truncate them at any time.
class PiecePages final : public wal::PageSource {
 public:
  static constexpr std::size_t kWindowBytes = 256 * 1024;

  // Where the history is not known, pages may be of any timeline up to the file's.
  PiecePages(const wal::Identity& identity, const Piece& piece,
             const wal::TimelineHistory* history);

  runtime::Result<void> open(const std::string& path);

  // A page behind the piece has no bytes, but the segment's last.
  wal::PageView page(wal::Lsn page) override;
  wal::TimelineId file_timeline(wal::SegmentNo) const override { return piece_.file.timeline(); }
  bool bytes_are_final() const override { return true; }

  // The first byte from `lsn` on to the piece's end that is not zero; none if all are, or if the
  // file ends before. An error is the next page()'s to tell.
  std::optional<wal::Lsn> find_not_zero(wal::Lsn lsn);

  // Why the file could not be read, if it could not.
  const std::optional<runtime::Error>& problem() const { return problem_; }

  // Of the pages that were read so far, each at most once.
  const std::vector<wal::Finding>& oddities() const { return oddities_; }
  const std::vector<wal::Finding>& wrong_timelines() const { return wrong_timelines_; }
  std::uint32_t first_page_timeline() const { return first_page_timeline_; }
  std::uint32_t last_page_timeline() const { return last_page_timeline_; }

 private:
  static constexpr std::size_t kOdditiesMax = 100;

  wal::PageView aside(wal::Lsn page);
  std::optional<runtime::Error> read_window(wal::Lsn page);
  wal::PageView view(wal::Lsn page) const;
  void look_at(wal::Lsn page, std::span<const std::byte> bytes);

  const wal::Identity identity_;
  const Piece piece_;
  const wal::TimelineHistory* const history_;

  runtime::UniqueFd file_;
  std::string path_;
  std::optional<runtime::Error> problem_;
  std::unique_ptr<std::byte[]> window_;
  wal::Lsn window_begin_;
  std::size_t window_span_ = 0;   // how far it was meant to reach
  std::size_t window_size_ = 0;   // how far it does: less at a file's end
  std::vector<std::byte> aside_;  // one page that is not the window's
  wal::Lsn aside_page_;

  wal::Lsn looked_to_;  // pages before it were looked at
  std::vector<wal::Finding> oddities_;
  std::vector<wal::Finding> wrong_timelines_;
  std::uint32_t first_page_timeline_ = 0;
  std::uint32_t last_page_timeline_ = 0;
};

}  // namespace server::verify

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "server/wal/fault.h"
#include "server/wal/format.h"
#include "server/wal/identity.h"
#include "server/wal/pages.h"

namespace server::wal {

// Steps through the pages of a source and believes none whose header is not right (xlogreader.c,
// ReadPageInternal and XLogReaderValidatePageHeader).
//   Owner: RecordReader.  Thread: the owner's.
//   Borrows: PageSource.
//   Invariant: the current page, if any, has a valid header, and the first page of its segment too.
class PageCursor {
 public:
  PageCursor(PageSource& source, const Identity& identity)
      : source_(source),
        identity_(identity),
        major_(major_version(identity.page_magic).value_or(0)) {}

  // Makes `page` the current page, or leaves none.
  Finding load(Lsn page);
  // Whether the first `size` bytes of the current page exist.
  Finding need(std::size_t size) const;
  // Whether the last byte of the segment exists, whatever it is. Leaves no current page.
  Finding need_segment(SegmentNo no);

  bool is_at(Lsn page) const { return page == page_; }

  // These REQUIRE a current page. What they return is valid until the next load.
  const PageHeader& header() const { return header_; }
  std::span<const std::byte> bytes() const { return bytes_; }
  std::uint32_t header_bytes() const { return page_header_bytes(page_, identity_.segment_size); }
  bool has(std::uint16_t flag) const { return (header_.info & flag) != 0; }

  // Leaves no current page, so that the next load asks the source again.
  void drop() { page_ = kNoPage; }
  // Also forgets which segment and which timeline was seen last.
  void reset();

  // Why the source had no bytes, if the last finding is kUnreadable.
  const std::optional<runtime::Error>& problem() const { return problem_; }

  bool bytes_are_final() const { return source_.bytes_are_final(); }
  const Identity& identity() const { return identity_; }
  int major() const { return major_; }
  Fault describe(const Finding& finding) const;

 private:
  static constexpr Lsn kNoPage{~std::uint64_t{0}};

  Finding load_checked(Lsn page);
  Finding fetch(Lsn page);
  Finding check(Lsn page);
  Finding check_long_header(Lsn page) const;
  Finding check_timeline(Lsn page) const;

  PageSource& source_;
  const Identity identity_;
  const int major_;

  Lsn page_ = kNoPage;
  std::span<const std::byte> bytes_;
  PageHeader header_;
  std::optional<runtime::Error> problem_;

  std::optional<SegmentNo> segment_;  // whose first page was seen
  TimelineId file_timeline_{};        // of that segment
  Lsn latest_page_;                   // the page that was last believed, and its timeline
  std::uint32_t latest_timeline_ = 0;
};

}  // namespace server::wal

#include "server/wal/page_cursor.h"

#include <utility>

#include "server/wal/names.h"

namespace server::wal {

Finding PageCursor::load(Lsn page) {
  if (page == page_) return {};
  const SegmentSize size = identity_.segment_size;
  const SegmentNo no = size.segment_of(page);
  if (no != segment_) {
    segment_.reset();
    file_timeline_ = source_.file_timeline(no);
    const Finding finding = load_checked(size.start(no));
    if (is_fault(finding)) return finding;
    segment_ = no;
    if (page == page_) return {};
  }
  return load_checked(page);
}

Finding PageCursor::need(std::size_t size) const {
  if (bytes_.size() >= size) return {};
  return {FaultKind::kShortFile, page_, bytes_.size(), size};
}

Finding PageCursor::need_segment(SegmentNo no) {
  const Lsn page = identity_.segment_size.end(no) - kPageBytes;
  const Finding finding = fetch(page);
  const std::size_t size = bytes_.size();
  drop();
  if (is_fault(finding) || size == kPageBytes) return finding;
  return {FaultKind::kShortFile, page, size, kPageBytes};
}

void PageCursor::reset() {
  drop();
  segment_.reset();
  latest_page_ = Lsn();
  latest_timeline_ = 0;
}

Fault PageCursor::describe(const Finding& finding) const {
  const SegmentSize size = identity_.segment_size;
  const SegmentNo no = size.segment_of(finding.lsn);
  return wal::describe(finding, identity_, segment_name(source_.file_timeline(no), no, size));
}

Finding PageCursor::load_checked(Lsn page) {
  Finding finding = fetch(page);
  if (!is_fault(finding)) finding = check(page);
  if (is_fault(finding)) {
    drop();
    return finding;
  }
  page_ = page;
  latest_page_ = page;
  latest_timeline_ = header_.timeline;
  return {};
}

Finding PageCursor::fetch(Lsn page) {
  drop();
  PageView view = source_.page(page);
  bytes_ = view.bytes;
  problem_ = std::move(view.problem);
  if (problem_) return {FaultKind::kUnreadable, page};
  return {};
}

// Reads the header as well, in the order of XLogReaderValidatePageHeader.
Finding PageCursor::check(Lsn page) {
  const std::uint32_t header_size = page_header_bytes(page, identity_.segment_size);
  if (bytes_.size() < header_size) {
    return {FaultKind::kShortFile, page, bytes_.size(), header_size};
  }
  header_ = load_header<PageHeader>(bytes_);
  if (header_.magic != identity_.page_magic) return {FaultKind::kMagic, page, header_.magic};
  // Stricter than PostgreSQL, which would take a long header in the middle of a segment.
  const bool is_long = header_size == sizeof(LongPageHeader);
  if ((header_.info & ~kPageAllFlags) != 0 || has(kPageLongHeader) != is_long) {
    return {FaultKind::kInfoBits, page, header_.info};
  }
  if (is_long) {
    const Finding finding = check_long_header(page);
    if (is_fault(finding)) return finding;
  }
  if (header_.page_address != page.value()) {
    return {FaultKind::kPageAddress, page, header_.page_address, page.value()};
  }
  return check_timeline(page);
}

Finding PageCursor::check_long_header(Lsn page) const {
  const auto header = load_header<LongPageHeader>(bytes_);
  if (header.system_identifier != identity_.system_identifier) {
    return {FaultKind::kSystemIdentifier, page, header.system_identifier};
  }
  if (header.segment_bytes != identity_.segment_size.bytes()) {
    return {FaultKind::kSegmentSize, page, header.segment_bytes};
  }
  if (header.page_bytes != kPageBytes) return {FaultKind::kPageSize, page, header.page_bytes};
  return {};
}

// A page may be of an older timeline than its file, which began as a copy of the parent's.
Finding PageCursor::check_timeline(Lsn page) const {
  const std::uint32_t timeline = header_.timeline;
  if (timeline == 0 || timeline > value(file_timeline_)) {
    return {FaultKind::kTimelineUnexpected, page, timeline};
  }
  if (page > latest_page_ && timeline < latest_timeline_) {
    return {FaultKind::kTimelineOrder, page, timeline, latest_timeline_};
  }
  return {};
}

}  // namespace server::wal

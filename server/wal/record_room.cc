#include "server/wal/record_room.h"

#include "server/wal/format.h"

namespace server::wal {

std::uint64_t room_between(Lsn from, Lsn to, SegmentSize size) {
  const std::uint64_t pages = (to - from) / kPageBytes;
  // Segments whose first page is among them.
  const std::uint64_t segments =
      value(size.segment_of(to - 1)) - value(size.segment_of(from)) + (size.offset(from) == 0);
  return pages * (kPageBytes - sizeof(PageHeader)) -
         segments * (sizeof(LongPageHeader) - sizeof(PageHeader));
}

Lsn record_end(Lsn begin, std::uint32_t length, SegmentSize size) {
  std::uint64_t left = length;
  Lsn page = begin.page_start();
  std::uint32_t offset = begin.page_offset();
  // What lies in the first page, then in each segment, then in each page of the last segment.
  const auto pass = [&](std::uint64_t room, Lsn next) {
    left -= room;
    page = next;
    offset = page_header_bytes(page, size);
  };
  if (left <= kPageBytes - offset) return page + offset + align_record(length);
  pass(kPageBytes - offset, page + kPageBytes);
  for (Lsn end = size.end(size.segment_of(page)); left > room_between(page, end, size);
       end = size.end(size.segment_of(page))) {
    pass(room_between(page, end, size), end);
  }
  if (left > kPageBytes - offset) pass(kPageBytes - offset, page + kPageBytes);
  const std::uint64_t room = kPageBytes - offset;
  if (left > room) pass((left - 1) / room * room, page + (left - 1) / room * kPageBytes);
  return page + offset + align_record(static_cast<std::uint32_t>(left));
}

}  // namespace server::wal

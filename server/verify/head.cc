#include "server/verify/head.h"

#include <algorithm>
#include <cstring>
#include <span>

#include "server/wal/format.h"
#include "server/wal/page_cursor.h"

namespace server::verify {

using wal::FaultKind;
using wal::Finding;
using wal::kPageBytes;
using wal::Lsn;

namespace {

void take(RecordRest& rest, std::span<const std::byte> part) {
  if (rest.got < RecordRest::kHeadBytes) {
    const auto head = part.first(std::min(part.size(), RecordRest::kHeadBytes - rest.got));
    std::memcpy(rest.head.data() + rest.got, head.data(), head.size());
    rest.got += static_cast<std::uint32_t>(head.size());
    part = part.subspan(head.size());
  }
  rest.got += static_cast<std::uint32_t>(part.size());
  rest.crc.update(part);
}

// Whether the current page goes on with the record.
Finding check_page(const wal::PageCursor& cursor, Lsn page, const RecordRest& rest) {
  const std::uint32_t missing = rest.declared - rest.got;
  const std::uint32_t remaining = cursor.header().remaining_length;
  if (!cursor.has(wal::kPageFirstIsContrecord)) return {FaultKind::kContrecordFlag, page};
  if (remaining != missing) return {FaultKind::kContrecordLength, page, remaining, missing};
  const std::uint32_t offset = cursor.header_bytes();
  return cursor.need(offset + std::min(remaining, kPageBytes - offset));
}

}  // namespace

Head read_head(wal::PageSource& pages, const wal::Identity& identity, const Piece& piece) {
  wal::PageCursor cursor(pages, identity);
  Head head{.finding = cursor.load(piece.begin), .rest = {}, .position = piece.begin};
  if (is_fault(head.finding)) return head;
  head.overwrites = cursor.has(wal::kPageFirstIsOverwriteContrecord);
  if (!cursor.has(wal::kPageFirstIsContrecord)) return head;

  RecordRest& rest = head.rest.emplace();
  rest.declared = cursor.header().remaining_length;
  for (Lsn page = piece.begin; page < piece.end; page += kPageBytes) {
    head.position = page;
    Finding finding = cursor.load(page);
    if (!is_fault(finding) && page != piece.begin &&
        cursor.has(wal::kPageFirstIsOverwriteContrecord)) {
      rest.end = RecordRest::End::kVoid;
      head.overwrites = true;
      return head;
    }
    if (!is_fault(finding)) finding = check_page(cursor, page, rest);
    if (is_fault(finding)) {
      rest.end = RecordRest::End::kFault;
      rest.finding = finding;
      return head;
    }
    const std::uint32_t offset = cursor.header_bytes();
    const std::uint32_t size = std::min(rest.declared - rest.got, kPageBytes - offset);
    take(rest, cursor.bytes().subspan(offset, size));
    if (rest.got == rest.declared) {
      rest.end = RecordRest::End::kComplete;
      head.position = (page + offset + size).aligned();
      return head;
    }
  }
  head.position = piece.end;
  return head;
}

}  // namespace server::verify

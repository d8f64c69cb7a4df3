#pragma once

// WAL as PostgreSQL 13 to 18 lay it out on disk: page headers (src/include/access/xlog_internal.h)
// and record headers (src/include/access/xlogrecord.h). Files are in the byte order of the machine
// that wrote them; every machine we serve is little-endian.

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <type_traits>

#include "runtime/check.h"
#include "server/wal/lsn.h"

namespace server::wal {

static_assert(std::endian::native == std::endian::little, "WAL is read and written as it lies");

// What every page begins with (XLogPageHeaderData).
struct PageHeader {
  std::uint16_t magic = 0;
  std::uint16_t info = 0;
  std::uint32_t timeline = 0;  // of the first record on the page
  std::uint64_t page_address = 0;
  std::uint32_t remaining_length = 0;  // bytes still missing of a record from an earlier page
  std::uint32_t padding = 0;
};
static_assert(sizeof(PageHeader) == 24 && offsetof(PageHeader, page_address) == 8);
static_assert(offsetof(PageHeader, remaining_length) == 16);

// What the first page of every segment begins with (XLogLongPageHeaderData).
struct LongPageHeader {
  PageHeader page;
  std::uint64_t system_identifier = 0;
  std::uint32_t segment_bytes = 0;
  std::uint32_t page_bytes = 0;
};
static_assert(sizeof(LongPageHeader) == 40 && offsetof(LongPageHeader, segment_bytes) == 32);
static_assert(offsetof(LongPageHeader, page_bytes) == 36);

// What every record begins with (XLogRecord). The CRC covers what follows this header, then the
// header up to `crc`.
struct RecordHeader {
  std::uint32_t total_length = 0;  // this header included
  std::uint32_t xid = 0;
  std::uint64_t previous = 0;  // where the record before this one begins
  std::uint8_t info = 0;
  std::uint8_t rmid = 0;
  std::uint16_t padding = 0;
  std::uint32_t crc = 0;
};
static_assert(sizeof(RecordHeader) == 24 && offsetof(RecordHeader, previous) == 8);
static_assert(offsetof(RecordHeader, rmid) == 17 && offsetof(RecordHeader, crc) == 20);

// The main data of XLOG_OVERWRITE_CONTRECORD (xl_overwrite_contrecord).
struct OverwriteContrecord {
  std::uint64_t overwritten_lsn = 0;  // where the record begins that is void
  std::int64_t overwrite_time = 0;
};
static_assert(sizeof(OverwriteContrecord) == 16);

inline constexpr std::uint32_t kRecordHeaderBytes = sizeof(RecordHeader);
inline constexpr std::uint32_t kRecordCrcOffset = offsetof(RecordHeader, crc);
// No PostgreSQL can read a longer record (MaxAllocSize); since 16 none writes one of more than
// 1020 MB (XLogRecordMaxSize).
inline constexpr std::uint32_t kRecordBytesMax = 0x3FFFFFFF;

// The flags of a page (XLP_*); any other bit makes the page invalid.
inline constexpr std::uint16_t kPageFirstIsContrecord = 0x0001;
inline constexpr std::uint16_t kPageLongHeader = 0x0002;
inline constexpr std::uint16_t kPageBackupRemovable = 0x0004;
inline constexpr std::uint16_t kPageFirstIsOverwriteContrecord = 0x0008;
inline constexpr std::uint16_t kPageAllFlags = 0x000F;

// PostgreSQL's major version by the magic number of its pages (XLOG_PAGE_MAGIC).
struct VersionMagic {
  int major;
  std::uint16_t magic;
};
inline constexpr VersionMagic kVersionMagics[] = {{13, 0xD106}, {14, 0xD10D}, {15, 0xD110},
                                                  {16, 0xD113}, {17, 0xD116}, {18, 0xD118}};

constexpr std::optional<int> major_version(std::uint16_t magic) {
  for (const auto& known : kVersionMagics) {
    if (known.magic == magic) return known.major;
  }
  return std::nullopt;
}

constexpr std::optional<std::uint16_t> page_magic(int major) {
  for (const auto& known : kVersionMagics) {
    if (known.major == major) return known.magic;
  }
  return std::nullopt;
}

// Resource managers (src/include/access/rmgrlist.h): the list is the same from 13 to 18. Extensions
// may bring their own since 15 (src/include/access/rmgr.h).
inline constexpr std::uint8_t kRmgrXlog = 0;
inline constexpr std::uint8_t kRmgrStandby = 8;
inline constexpr std::uint8_t kRmgrLogicalMessage = 21;
inline constexpr std::uint8_t kRmgrBuiltinMax = kRmgrLogicalMessage;
inline constexpr std::uint8_t kRmgrCustomMin = 128;

constexpr bool is_rmgr(std::uint8_t rmid, int major) {
  return rmid <= kRmgrBuiltinMax || (rmid >= kRmgrCustomMin && major >= 15);
}

// The kinds of record of resource manager 0 that matter to a reader (src/include/catalog/
// pg_control.h). The low half of `info` belongs to the WAL machinery, not to the kind.
inline constexpr std::uint8_t kInfoKindMask = 0xF0;
inline constexpr std::uint8_t kXlogCheckpointShutdown = 0x00;
inline constexpr std::uint8_t kXlogCheckpointOnline = 0x10;
inline constexpr std::uint8_t kXlogNoop = 0x20;
inline constexpr std::uint8_t kXlogSwitch = 0x40;
inline constexpr std::uint8_t kXlogOverwriteContrecord = 0xD0;

// And of that of standbys (standbydefs.h).
inline constexpr std::uint8_t kStandbyRunningXacts = 0x10;

constexpr bool is_overwrite_contrecord(std::uint8_t rmid, std::uint8_t info) {
  return rmid == kRmgrXlog && (info & kInfoKindMask) == kXlogOverwriteContrecord;
}

constexpr bool is_switch(std::uint8_t rmid, std::uint8_t info) {
  return rmid == kRmgrXlog && (info & kInfoKindMask) == kXlogSwitch;
}

// The ids that open the main data of a record (src/include/access/xlogrecord.h).
inline constexpr std::uint8_t kBlockIdDataShort = 255;  // one byte of length follows
inline constexpr std::uint8_t kBlockIdDataLong = 254;   // four bytes of length follow

// Bytes of header on the page that starts at `page`.
constexpr std::uint32_t page_header_bytes(Lsn page, SegmentSize segment_size) {
  return segment_size.offset(page) == 0 ? sizeof(LongPageHeader) : sizeof(PageHeader);
}

// A header out of the bytes it lies in. REQUIRES: bytes.size() >= sizeof(Header).
template <typename Header>
Header load_header(std::span<const std::byte> bytes) {
  static_assert(std::is_trivially_copyable_v<Header>);
  DCHECK(bytes.size() >= sizeof(Header));
  Header header;
  std::memcpy(&header, bytes.data(), sizeof(Header));
  return header;
}

}  // namespace server::wal

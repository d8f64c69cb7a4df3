#include "server/wal/opening.h"

#include <cstddef>
#include <span>

#include "runtime/file.h"

namespace server::wal {

namespace {

// By the name, and by what all WAL has in common: which cluster it is of is not known here.
Finding judge(const FileName& name, const LongPageHeader& header) {
  const auto start = start_of(name, header.segment_bytes);
  const PageHeader& page = header.page;
  if (!major_version(page.magic)) return {FaultKind::kMagic, Lsn(), page.magic};
  if ((page.info & ~kPageAllFlags) != 0 || (page.info & kPageLongHeader) == 0) {
    return {FaultKind::kInfoBits, Lsn(), page.info};
  }
  if (header.page_bytes != kPageBytes) return {FaultKind::kPageSize, Lsn()};
  if (!SegmentSize::is_valid(header.segment_bytes)) return {FaultKind::kSegmentSize, Lsn()};
  if (page.page_address == 0 || start != Lsn(page.page_address)) {
    return {FaultKind::kPageAddress, Lsn(), page.page_address};
  }
  if (page.timeline == 0 || page.timeline > value(name.timeline)) {
    return {FaultKind::kTimelineUnexpected, Lsn(), page.timeline};
  }
  return {};
}

}  // namespace

Identity Opening::identity() const {
  const bool fits = SegmentSize::is_valid(header.segment_bytes);
  return {.system_identifier = header.system_identifier,
          .segment_size = fits ? SegmentSize(header.segment_bytes) : SegmentSize(),
          .page_magic = header.page.magic};
}

std::optional<Lsn> start_of(const FileName& name, std::uint32_t segment_bytes) {
  if (!SegmentSize::is_valid(segment_bytes)) return std::nullopt;
  const SegmentSize size(segment_bytes);
  const auto no = name.segment(size);
  return no ? std::optional(size.start(*no)) : std::nullopt;
}

runtime::Result<Opening> read_opening(const Directory& directory, const FileName& name) {
  Opening opening{.file = file_name(name), .header = {}, .finding = {}};
  const std::string path = directory.path_of(name);
  const auto file = TRY(runtime::open_for_reading(path));
  const auto buffer = std::as_writable_bytes(std::span(&opening.header, 1));
  const auto size = TRY(runtime::read_at(file, path, 0, buffer));
  opening.finding = size < buffer.size()
                        ? Finding{FaultKind::kShortFile, Lsn(), size, buffer.size()}
                        : judge(name, opening.header);
  return opening;
}

bool is_unsupported(const FileName& name, const Opening& opening) {
  return opening.finding.kind == FaultKind::kMagic && opening.finding.found != 0 &&
         start_of(name, opening.header.segment_bytes) == Lsn(opening.header.page.page_address);
}

}  // namespace server::wal

#include "server/stream/tail_buffer.h"

#include "runtime/check.h"
#include "runtime/format.h"
#include "server/wal/segments.h"

namespace server::stream {

using wal::Lsn;

// The bytes that are here stay valid, since WAL below the end does not change.
runtime::Result<TailBuffer::Bytes> TailBuffer::read(const wal::Segment& segment, Lsn from, Lsn to) {
  CHECK(segment.begin() <= from && from < to && to <= segment.end() && to - from <= kChunkBytesMax);
  Stretch& stretch = stretch_for(segment, from, to);
  const bool from_file = !stretch.has(segment, from, to);
  while (stretch.begin + stretch.size < to) {
    const Lsn at = stretch.begin + stretch.size;
    const auto offset = static_cast<std::uint32_t>(at - segment.begin());
    const auto wanted = static_cast<std::size_t>(to - at);
    const auto read =
        TRY(segment.read(offset, std::span(stretch.bytes).subspan(stretch.size, wanted)));
    if (read < wanted) return wal::too_short(segment, offset, read, wanted);
    stretch.size += read;
  }
  return Bytes{.bytes = std::span<const std::byte>(stretch.bytes)
                            .subspan(static_cast<std::size_t>(from - stretch.begin),
                                     static_cast<std::size_t>(to - from)),
               .from_file = from_file};
}

// A stretch that has it all comes before one that would have to be read on. WAL that neither can
// have begins anew in the one that was not used last.
TailBuffer::Stretch& TailBuffer::stretch_for(const wal::Segment& segment, Lsn from, Lsn to) {
  Stretch& last = stretches_[last_used_];
  if (last.has(segment, from, to)) return last;
  Stretch& other = stretches_[1 - last_used_];
  if (!other.has(segment, from, to)) {
    if (last.can_have(segment, from, to)) return last;
    if (!other.can_have(segment, from, to)) {
      other.file = segment.id();
      other.begin = from;
      other.size = 0;
    }
  }
  last_used_ = 1 - last_used_;
  return other;
}

}  // namespace server::stream

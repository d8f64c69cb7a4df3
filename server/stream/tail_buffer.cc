#include "server/stream/tail_buffer.h"

#include "runtime/check.h"
#include "runtime/format.h"
#include "server/wal/segments.h"

namespace server::stream {

using wal::Lsn;

runtime::Result<std::span<const std::byte>> TailBuffer::read(const wal::Segment& segment, Lsn from,
                                                             Lsn to) {
  CHECK(segment.begin() <= from && from < to && to <= segment.end() && to - from <= kChunkBytesMax);
  const bool starts_inside = size_ > 0 && begin_ <= from && from <= begin_ + size_;
  if (!starts_inside || to - begin_ > bytes_.size()) {
    begin_ = from;
    size_ = 0;
  }
  // The bytes that are here stay valid, since WAL below the end does not change.
  while (begin_ + size_ < to) {
    const Lsn at = begin_ + size_;
    const auto offset = static_cast<std::uint32_t>(at - segment.begin());
    const auto wanted = static_cast<std::size_t>(to - at);
    const auto read = TRY(segment.read(offset, std::span(bytes_).subspan(size_, wanted)));
    if (read < wanted) return wal::too_short(segment, offset, read, wanted);
    size_ += read;
  }
  return std::span<const std::byte>(bytes_).subspan(static_cast<std::size_t>(from - begin_),
                                                    static_cast<std::size_t>(to - from));
}

}  // namespace server::stream

#include "server/wal/builder.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>

#include "runtime/check.h"
#include "server/wal/crc32c.h"
#include "server/wal/format.h"

namespace server::wal {

namespace {

constexpr std::uint32_t kShortDataBytesMax = 255;
constexpr std::uint32_t kLongDataHeaderBytes = 5;
constexpr std::size_t kMainDataBytesMax =
    kRecordBytesMax - kRecordHeaderBytes - kLongDataHeaderBytes;
constexpr Lsn kNoCut{std::numeric_limits<std::uint64_t>::max()};

template <typename T>
std::span<const std::byte> bytes_of(const T& object) {
  return std::as_bytes(std::span(&object, 1));
}

// The id and the length that precede main data (xloginsert.c, XLogRecordAssemble); nothing precedes
// none.
class DataHeader {
 public:
  explicit DataHeader(std::size_t data_bytes) {
    if (data_bytes == 0) return;
    const auto length = static_cast<std::uint32_t>(data_bytes);
    const bool is_short = length <= kShortDataBytesMax;
    bytes_[0] = std::byte{is_short ? kBlockIdDataShort : kBlockIdDataLong};
    size_ = is_short ? 2 : kLongDataHeaderBytes;
    std::memcpy(&bytes_[1], &length, size_ - 1);  // little-endian: the low byte comes first
  }

  std::span<const std::byte> bytes() const { return std::span(bytes_).first(size_); }

 private:
  std::array<std::byte, kLongDataHeaderBytes> bytes_{};
  std::size_t size_ = 0;
};

std::uint32_t record_crc(const RecordHeader& header, std::span<const std::byte> data_header,
                         std::span<const std::byte> main_data) {
  return Crc32c()
      .update(data_header)
      .update(main_data)
      .update(bytes_of(header).first(kRecordCrcOffset))
      .value();
}

}  // namespace

WalBuilder::WalBuilder(const Identity& identity, TimelineId timeline, Lsn start,
                       Lsn previous_record)
    : identity_(identity),
      timeline_(timeline),
      begin_(start),
      end_(start),
      previous_record_(previous_record) {
  CHECK(start.valid() && start.aligned() == start && previous_record < start);
  CHECK(start.page_offset() == 0 ||
        start.page_offset() >= page_header_bytes(start.page_start(), identity.segment_size));
}

RecordSpan WalBuilder::append(std::uint8_t rmid, std::uint8_t info,
                              std::span<const std::byte> main_data) {
  previous_record_ = put_record(rmid, info, main_data, kNoCut);
  return {previous_record_, end_};
}

RecordSpan WalBuilder::append_noop(std::span<const std::byte> main_data) {
  return append(kRmgrXlog, kXlogNoop, main_data);
}

RecordSpan WalBuilder::append_switch(Padding padding) {
  const SegmentSize size = identity_.segment_size;
  if (size.offset(end_) == 0) return {end_, end_};
  const RecordSpan record = append(kRmgrXlog, kXlogSwitch, {});
  if (size.offset(end_) == 0) return record;
  const Lsn segment_end = size.end(size.segment_of(end_));
  if (padding == Padding::kZeros) put_zeros(segment_end - end_);
  end_ = segment_end;  // which bytes() does not reach if the padding was omitted
  return record;
}

RecordSpan WalBuilder::append_overwritten(std::span<const std::byte> main_data,
                                          std::uint32_t pages_kept) {
  const Lsn cut = end_.page_start() + std::uint64_t{pages_kept} * kPageBytes;
  const Lsn void_record = put_record(kRmgrXlog, kXlogNoop, main_data, cut);
  CHECK(end_ == cut && record_left_ > 0);
  record_left_ = 0;
  put_page_header(kPageFirstIsOverwriteContrecord);
  const OverwriteContrecord notice{.overwritten_lsn = void_record.value(), .overwrite_time = 0};
  append(kRmgrXlog, kXlogOverwriteContrecord, bytes_of(notice));
  return {void_record, cut};
}

void WalBuilder::clear() {
  bytes_.clear();
  begin_ = end_;
}

Lsn WalBuilder::put_record(std::uint8_t rmid, std::uint8_t info,
                           std::span<const std::byte> main_data, Lsn cut) {
  CHECK(main_data.size() <= kMainDataBytesMax && contiguous());
  const DataHeader data_header(main_data.size());
  const std::size_t total = kRecordHeaderBytes + data_header.bytes().size() + main_data.size();
  RecordHeader header{.total_length = static_cast<std::uint32_t>(total),
                      .xid = xid_,
                      .previous = previous_record_.value(),
                      .info = info,
                      .rmid = rmid};
  header.crc = record_crc(header, data_header.bytes(), main_data);

  if (end_.page_offset() == 0) put_page_header(0);
  const Lsn begin = end_;
  record_left_ = header.total_length;
  put_part(bytes_of(header), cut);
  put_part(data_header.bytes(), cut);
  put_part(main_data, cut);
  put_zeros(end_.aligned() - end_);
  return begin;
}

void WalBuilder::put_part(std::span<const std::byte> part, Lsn cut) {
  while (!part.empty() && end_ < cut) {
    if (end_.page_offset() == 0) put_page_header(kPageFirstIsContrecord);
    const std::size_t room = std::min<std::size_t>(part.size(), kPageBytes - end_.page_offset());
    put_raw(part.first(room));
    part = part.subspan(room);
    record_left_ -= static_cast<std::uint32_t>(room);
  }
}

void WalBuilder::put_page_header(std::uint16_t flags) {
  const PageHeader page{
      .magic = identity_.page_magic,
      .info = flags,
      .timeline = value(timeline_),
      .page_address = end_.value(),
      .remaining_length = record_left_,
  };
  if (identity_.segment_size.offset(end_) != 0) return put_raw(bytes_of(page));
  LongPageHeader first{.page = page,
                       .system_identifier = identity_.system_identifier,
                       .segment_bytes = identity_.segment_size.bytes(),
                       .page_bytes = kPageBytes};
  first.page.info |= kPageLongHeader;
  put_raw(bytes_of(first));
}

void WalBuilder::put_raw(std::span<const std::byte> raw) {
  bytes_.insert(bytes_.end(), raw.begin(), raw.end());
  end_ += raw.size();
}

void WalBuilder::put_zeros(std::uint64_t count) {
  bytes_.resize(bytes_.size() + count);
  end_ += count;
}

}  // namespace server::wal

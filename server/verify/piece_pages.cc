#include "server/verify/piece_pages.h"

#include <algorithm>
#include <cstring>
#include <span>
#include <utility>

#include "runtime/file.h"
#include "server/wal/format.h"

namespace server::verify {

using wal::FaultKind;
using wal::Finding;
using wal::kPageBytes;
using wal::Lsn;

namespace {

// The index of the first byte that is not zero; the size if all are.
std::size_t leading_zeros(std::span<const std::byte> bytes) {
  constexpr std::size_t kBlock = 64;
  std::size_t at = 0;
  for (; at + kBlock <= bytes.size(); at += kBlock) {
    std::uint64_t words[kBlock / 8];
    std::memcpy(words, bytes.data() + at, kBlock);
    std::uint64_t any = 0;
    for (const std::uint64_t word : words) any |= word;
    if (any != 0) break;
  }
  while (at < bytes.size() && bytes[at] == std::byte{0}) ++at;
  return at;
}

}  // namespace

PiecePages::PiecePages(const wal::Identity& identity, const Piece& piece,
                       const wal::TimelineHistory* history)
    : identity_(identity),
      piece_(piece),
      history_(history),
      window_(std::make_unique_for_overwrite<std::byte[]>(kWindowBytes)),
      aside_(kPageBytes),
      looked_to_(piece.begin) {}

runtime::Result<void> PiecePages::open(const std::string& path) {
  path_ = path;
  file_ = TRY(runtime::open_for_reading(path));
  return {};
}

wal::PageView PiecePages::page(Lsn page) {
  if (page < piece_.begin) return aside(page);
  if (page >= piece_.end) {
    const bool is_last = page + kPageBytes == identity_.segment_size.end(piece_.file.no);
    return is_last ? aside(page) : wal::PageView{};
  }
  const bool in_window = window_begin_ <= page && page < window_begin_ + window_span_;
  // A reader that has met a switch asks whether the segment's last page is there.
  if (!in_window && window_span_ != 0 && page > window_begin_ + window_span_) return aside(page);
  if (!in_window) {
    if (auto problem = read_window(page)) return {.bytes = {}, .problem = std::move(problem)};
  }
  wal::PageView found = view(page);
  if (page >= looked_to_) look_at(page, found.bytes);
  return found;
}

wal::PageView PiecePages::aside(Lsn page) {
  if (aside_page_ != page || aside_.size() < kPageBytes) {
    aside_.resize(kPageBytes);
    const std::uint32_t offset = identity_.segment_size.offset(page);
    auto size = runtime::read_at(file_, path_, offset, aside_);
    aside_page_ = page;
    if (!size) {
      aside_.clear();
      problem_ = size.error();
      return {.bytes = {}, .problem = std::move(size).error()};
    }
    aside_.resize(*size);
  }
  return {.bytes = aside_};
}

std::optional<runtime::Error> PiecePages::read_window(Lsn page) {
  window_begin_ = page;
  window_span_ = std::min<std::size_t>(kWindowBytes, piece_.end - page);
  const std::uint32_t offset = identity_.segment_size.offset(page);
  auto size = runtime::read_at(file_, path_, offset, std::span(window_.get(), window_span_));
  if (!size) {
    window_span_ = 0;
    problem_ = size.error();
    return std::move(size).error();
  }
  window_size_ = *size;
  return std::nullopt;
}

wal::PageView PiecePages::view(Lsn page) const {
  const std::size_t offset = std::min<std::size_t>(page - window_begin_, window_size_);
  const std::size_t size = std::min<std::size_t>(window_size_ - offset, kPageBytes);
  return {.bytes = std::span(window_.get() + offset, size)};
}

// A page of which the address is right is WAL; what else is wrong with it is for the reader to say.
void PiecePages::look_at(Lsn page, std::span<const std::byte> bytes) {
  looked_to_ = page + kPageBytes;
  if (bytes.size() < sizeof(wal::PageHeader)) return;
  const auto header = wal::load_header<wal::PageHeader>(bytes);
  if (header.magic != identity_.page_magic || header.page_address != page.value()) return;
  last_page_timeline_ = header.timeline;
  if (page == piece_.begin) first_page_timeline_ = header.timeline;
  const bool continues = (header.info & wal::kPageFirstIsContrecord) != 0;
  const bool odd = header.padding != 0 || (!continues && header.remaining_length != 0);
  if (odd && oddities_.size() < kOdditiesMax) oddities_.push_back({FaultKind::kInfoBits, page});
  if (history_ == nullptr) return;
  // The pages of a record that a crash has cut off, before a timeline began, keep the old one.
  const auto expected = value(history_->owner(page));
  const std::uint32_t header_bytes = wal::page_header_bytes(page, identity_.segment_size);
  const bool is_start = !continues || header_bytes + header.remaining_length < kPageBytes;
  if (is_start && header.timeline != expected && wrong_timelines_.size() < kOdditiesMax) {
    wrong_timelines_.push_back({FaultKind::kTimelineUnexpected, page, header.timeline, expected});
  }
}

std::optional<Lsn> PiecePages::find_not_zero(Lsn lsn) {
  while (lsn < piece_.end) {
    const bool in_window = window_begin_ <= lsn && lsn < window_begin_ + window_span_;
    if (!in_window && read_window(lsn.page_start())) return std::nullopt;
    const std::size_t offset = lsn - window_begin_;
    if (offset >= window_size_) return std::nullopt;
    const auto bytes = std::span(window_.get(), window_size_).subspan(offset);
    const std::size_t zeros = leading_zeros(bytes);
    lsn += zeros;
    if (zeros < bytes.size()) return lsn;
    if (window_size_ < window_span_) return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace server::verify

#include "tests/fuzz/sparse_pages.h"

#include <algorithm>
#include <cstring>

#include "memctx/poison.h"
#include "runtime/check.h"
#include "runtime/errors.h"
#include "server/wal/format.h"

namespace tests {

namespace {

using server::wal::Identity;
using server::wal::kPageBytes;
using server::wal::LongPageHeader;
using server::wal::Lsn;
using server::wal::PageView;
using server::wal::TimelineId;

// No WAL begins before segment 1.
constexpr Lsn kFirst = Lsn(SparsePages::kSegmentSize.bytes());
// A reader that adds up positions must not come to the end of all numbers.
constexpr Lsn kLast{std::uint64_t{1} << 60};

}  // namespace

SparsePages::SparsePages(const Identity& identity, TimelineId file_timeline, Lsn begin)
    : identity_(identity),
      file_timeline_(file_timeline),
      begin_(begin),
      full_end_(begin),
      end_(begin),
      zeros_from_(begin) {}

// The bytes are laid out at 0 first, since only they tell where they belong.
SparsePages::SparsePages(FuzzInput input)
    : SparsePages({.system_identifier = 0, .segment_size = kSegmentSize, .page_magic = 0},
                  TimelineId{3}, Lsn()) {
  while (!input.empty()) {
    const std::uint64_t room = kBytesMax - full_end_.value();
    const Lsn at = full_end_ + std::min<std::uint64_t>(input.length(), room);
    const std::size_t size = std::min<std::uint64_t>(input.length(), kBytesMax - at.value());
    extend_to(at);
    put(at, input.take(size));
  }

  LongPageHeader first;
  const std::size_t size = std::min<std::uint64_t>(sizeof(first), full_end_.value());
  std::ranges::copy(get(Lsn(), size), std::as_writable_bytes(std::span(&first, 1)).begin());
  const bool known = server::wal::major_version(first.page.magic).has_value();
  identity_.page_magic = known ? first.page.magic : *server::wal::page_magic(15);
  identity_.system_identifier = first.system_identifier;

  const Lsn claimed(first.page.page_address);
  const bool fits = kSegmentSize.offset(claimed) == 0 && claimed >= kFirst && claimed <= kLast;
  const Lsn begin = fits ? claimed : kFirst;
  std::map<Lsn, Page> placed;
  for (auto& [at, page] : pages_) placed.emplace(begin + at.value(), std::move(page));
  pages_ = std::move(placed);
  full_end_ = begin + full_end_.value();
  begin_ = begin;
  show_all();
}

PageView SparsePages::page(Lsn page) {
  CHECK(page.page_offset() == 0);
  memctx::poison(shown_.data(), shown_.size());
  shown_ = {};
  if (!has_file(page)) {
    return {.bytes = {}, .problem = runtime::Error{.kind = &runtime::kFileMissing, .what = "none"}};
  }
  shown_ = contents_of(page);
  const std::uint64_t size = page < end_ ? std::min<std::uint64_t>(end_ - page, kPageBytes) : 0;
  memctx::poison(shown_.data(), kPageBytes);
  memctx::unpoison(shown_.data(), size);
  return {.bytes = shown_.first(size)};
}

std::span<std::byte> SparsePages::contents_of(Lsn page) {
  const auto found = pages_.find(page);
  if (found == pages_.end() || page >= zeros_from_) return zeros_;
  if (page + kPageBytes <= zeros_from_ || end_ == zeros_from_) return found->second;
  torn_ = get(page, zeros_from_ - page);
  torn_.resize(kPageBytes);
  return torn_;
}

bool SparsePages::has_file(Lsn page) const {
  return page >= begin_ && kSegmentSize.start(kSegmentSize.segment_of(page)) < end_;
}

void SparsePages::put(Lsn lsn, std::span<const std::byte> bytes) {
  CHECK(lsn >= begin_);
  extend_to(lsn + bytes.size());
  for_each_part(lsn, bytes.size(), [&](Lsn page, std::size_t offset, std::size_t size) {
    Page& to = pages_.try_emplace(page, kPageBytes).first->second;
    memctx::unpoison(to.data(), kPageBytes);
    std::memcpy(to.data() + offset, bytes.data(), size);
    bytes = bytes.subspan(size);
  });
}

void SparsePages::extend_to(Lsn end) {
  full_end_ = std::max(full_end_, end);
  show_all();
}

std::vector<std::byte> SparsePages::get(Lsn lsn, std::size_t size) const {
  CHECK(lsn >= begin_ && lsn + size <= full_end_);
  std::vector<std::byte> bytes(size);
  std::span<std::byte> rest(bytes);
  for_each_part(lsn, size, [&](Lsn page, std::size_t offset, std::size_t part) {
    if (const auto found = pages_.find(page); found != pages_.end()) {
      memctx::unpoison(found->second.data(), kPageBytes);
      std::memcpy(rest.data(), found->second.data() + offset, part);
    }
    rest = rest.subspan(part);
  });
  return bytes;
}

void SparsePages::show(Lsn end, Hidden hidden) {
  zeros_from_ = std::min(end, full_end_);
  end_ = hidden == Hidden::kZeros ? full_end_ : zeros_from_;
}

void SparsePages::drop_first_segment() {
  begin_ += kSegmentSize.bytes();
  CHECK(begin_ < full_end_);
  pages_.erase(pages_.begin(), pages_.lower_bound(begin_));
}

template <typename Visit>
void SparsePages::for_each_part(Lsn lsn, std::size_t size, Visit visit) {
  while (size > 0) {
    const std::size_t part = std::min<std::size_t>(size, kPageBytes - lsn.page_offset());
    visit(lsn.page_start(), lsn.page_offset(), part);
    lsn += part;
    size -= part;
  }
}

}  // namespace tests

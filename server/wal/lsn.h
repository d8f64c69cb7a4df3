#pragma once

// The numbers of WAL as distinct types, so that no two of them can be swapped or added by mistake.

#include <bit>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/check.h"
#include "runtime/format.h"

namespace server::wal {

// WAL is written in pages of this size (XLOG_BLCKSZ as every packaged PostgreSQL has it).
inline constexpr std::uint32_t kPageBytes = 8192;

// A byte position in the WAL stream (XLogRecPtr). 0 is invalid and sorts before every position.
class Lsn {
 public:
  constexpr Lsn() = default;
  constexpr explicit Lsn(std::uint64_t value) : value_(value) {}
  static constexpr Lsn max() { return Lsn(~std::uint64_t{0}); }  // behind every position

  constexpr std::uint64_t value() const { return value_; }
  constexpr bool valid() const { return value_ != 0; }

  friend constexpr auto operator<=>(Lsn, Lsn) = default;
  friend constexpr Lsn operator+(Lsn a, std::uint64_t bytes) { return Lsn(a.value_ + bytes); }
  friend constexpr Lsn operator-(Lsn a, std::uint64_t bytes) { return Lsn(a.value_ - bytes); }
  // Bytes from b to a. REQUIRES: b <= a.
  friend constexpr std::uint64_t operator-(Lsn a, Lsn b) { return a.value_ - b.value_; }
  constexpr Lsn& operator+=(std::uint64_t bytes) {
    value_ += bytes;
    return *this;
  }

  constexpr std::uint32_t page_offset() const {
    return static_cast<std::uint32_t>(value_ % kPageBytes);
  }
  constexpr Lsn page_start() const { return Lsn(value_ - page_offset()); }
  // Records start at multiples of eight (MAXALIGN).
  constexpr Lsn aligned() const { return Lsn((value_ + 7) & ~std::uint64_t{7}); }

 private:
  std::uint64_t value_ = 0;
};

// "16/B374D848": the two halves in upper-case hex, as %X/%X prints them.
std::string to_string(Lsn lsn);
// The reverse, for one to eight hex digits on each side; nothing else is accepted.
std::optional<Lsn> parse_lsn(std::string_view text);

// A timeline (TimeLineID); 0 is invalid.
enum class TimelineId : std::uint32_t {};
constexpr std::uint32_t value(TimelineId timeline) { return static_cast<std::uint32_t>(timeline); }

// The index of a segment since LSN 0 (XLogSegNo).
enum class SegmentNo : std::uint64_t {};
constexpr std::uint64_t value(SegmentNo no) { return static_cast<std::uint64_t>(no); }
constexpr SegmentNo next(SegmentNo no) { return SegmentNo{value(no) + 1}; }
constexpr SegmentNo previous(SegmentNo no) { return SegmentNo{value(no) - 1}; }

// Bytes per segment: a power of two from 1 MB to 1 GB (IsValidWalSegSize).
class SegmentSize {
 public:
  static constexpr bool is_valid(std::uint64_t bytes) {
    return std::has_single_bit(bytes) && bytes >= (1u << 20) && bytes <= (1u << 30);
  }
  constexpr SegmentSize() = default;
  // REQUIRES: is_valid(bytes).
  constexpr explicit SegmentSize(std::uint32_t bytes) : bytes_(bytes) { CHECK(is_valid(bytes)); }

  constexpr std::uint32_t bytes() const { return bytes_; }
  friend constexpr bool operator==(SegmentSize, SegmentSize) = default;

  constexpr SegmentNo segment_of(Lsn lsn) const { return SegmentNo{lsn.value() / bytes_}; }
  constexpr Lsn start(SegmentNo no) const { return Lsn(value(no) * bytes_); }
  constexpr Lsn end(SegmentNo no) const { return start(no) + bytes_; }
  constexpr std::uint32_t offset(Lsn lsn) const {
    return static_cast<std::uint32_t>(lsn.value() % bytes_);
  }

 private:
  std::uint32_t bytes_ = 16u << 20;
};

}  // namespace server::wal

template <>
struct fmt::formatter<server::wal::Lsn> : fmt::formatter<std::string_view> {
  template <typename Context>
  auto format(server::wal::Lsn lsn, Context& context) const {
    return fmt::format_to(context.out(), "{:X}/{:X}", lsn.value() >> 32, lsn.value() & 0xFFFFFFFF);
  }
};

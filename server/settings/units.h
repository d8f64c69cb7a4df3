#pragma once

// PostgreSQL's numbers with units: "16MB", "1.5h" (guc.c: parse_int, parse_real,
// convert_to_base_unit, ShowGUCOption). Every number with a unit, be it of an option, of a client's
// setting or in an answer to SHOW, is read by parse_number() and written by show_number().

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include "runtime/clock.h"
#include "runtime/result.h"

namespace server::settings {

// The unit of a number that has none written behind it.
enum class Unit {
  kNone,
  kBytes,
  kKilobytes,
  kBlocks,  // of 8 kB
  kMegabytes,
  kMilliseconds,
  kSeconds,
};

inline constexpr double kIntegerMax = std::numeric_limits<int>::max();
inline constexpr double kRealMax = std::numeric_limits<double>::max();

// The numbers that a setting may have.
struct NumberType {
  bool whole = true;  // an int, else a double
  Unit unit = Unit::kNone;
  double least = 0;  // `least` and `most` are counted in `unit`
  double most = 0;
};

// The number that `text` stands for, counted in the type's unit. Fractions are rounded as
// PostgreSQL rounds them. The error is PostgreSQL's for the parameter `name`, with its hint.
runtime::Result<double> parse_number(const NumberType& type, std::string_view name,
                                     std::string_view text);

// The number in the largest unit that leaves it whole, or else in the smallest one: "64kB", "90s".
std::string show_number(const NumberType& type, double value);

// The largest size in bytes, and the longest time in nanoseconds, that the next functions read.
inline constexpr std::uint64_t kAmountMax = 9'000'000'000'000'000'000;
static_assert(kAmountMax <= std::numeric_limits<runtime::Duration::rep>::max());

// The size in bytes, from `least` to `most`; a bare number counts `bare`. The errors of these three
// are as those of parse_number().
runtime::Result<std::uint64_t> parse_bytes(std::string_view name, std::string_view text,
                                           Unit bare = Unit::kBytes,
                                           std::uint64_t most = kAmountMax,
                                           std::uint64_t least = 0);
// A size with or without "/s" behind it.
runtime::Result<std::uint64_t> parse_rate(std::string_view name, std::string_view text);
runtime::Result<runtime::Duration> parse_duration(std::string_view name, std::string_view text,
                                                  Unit bare = Unit::kMilliseconds);

// The unit by its whole name, as a help calls it: "milliseconds". Empty for kNone.
std::string_view name_of(Unit unit);

std::string show_bytes(std::uint64_t bytes);
// Only the whole milliseconds of `duration` are shown.
std::string show_duration(runtime::Duration duration);

}  // namespace server::settings

#pragma once

// Times and intervals in PostgreSQL's spelling, with DateStyle ISO, IntervalStyle postgres and
// TimeZone UTC, which are the only ones that the console writes (datetime.c: DecodeDateTime,
// EncodeDateTime, DecodeInterval, EncodeInterval).

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include "runtime/clock.h"
#include "runtime/result.h"

namespace server::console {

inline constexpr std::int64_t kMicrosPerSecond = 1'000'000;
inline constexpr std::int64_t kMicrosPerDay = 86'400 * kMicrosPerSecond;
// From 1970-01-01 to 2000-01-01.
inline constexpr std::int64_t kEpochDays = 10'957;
inline constexpr std::int64_t kInfinity = std::numeric_limits<std::int64_t>::max();
inline constexpr std::int64_t kMinusInfinity = std::numeric_limits<std::int64_t>::min();

// Microseconds since 2000-01-01, and since 1970-01-01.
constexpr std::int64_t to_timestamp(runtime::WallMicros wall) {
  return wall - kEpochDays * kMicrosPerDay;
}

// "2026-11-30 17:11:46.5+00"; without the zone "2026-11-30 17:11:46.5".
std::string write_timestamp(std::int64_t micros, bool zone);
std::string write_date(std::int64_t days);
// "1 day 02:03:04.5".
std::string write_interval(std::int64_t micros);

// ISO dates with or without a time and a zone, "now", "today", "epoch", "infinity". `now` is what
// "now" means.
runtime::Result<std::int64_t> read_timestamp(std::string_view type, std::string_view text,
                                             std::int64_t now);
// "1 day 02:03:04", "5 minutes", "-1 hour", "1h 30m", "P1DT2H", "10 seconds ago"; a bare number is
// of seconds.
runtime::Result<std::int64_t> read_interval(std::string_view text);

// A field of EXTRACT: epoch, year, month, day, hour, minute, second, milliseconds, microseconds,
// dow, doy. None if there is no such field.
struct Field {
  bool known = false;
  double value = 0;
};
Field extract_time(std::string_view field, std::int64_t micros);
Field extract_interval(std::string_view field, std::int64_t micros);

}  // namespace server::console

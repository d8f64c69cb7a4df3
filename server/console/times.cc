#include "server/console/times.h"

#include <array>
#include <cctype>
#include <cmath>
#include <cstdlib>
#include <optional>
#include <utility>

#include "runtime/format.h"
#include "server/console/errors.h"
#include "server/wire/text.h"

namespace server::console {

namespace {

struct Civil {
  std::int64_t year;
  int month;
  int day;
};

// The proleptic Gregorian calendar; days since 1970-01-01 (Howard Hinnant's algorithms).
Civil civil_of(std::int64_t days) {
  days += 719'468;
  const std::int64_t era = (days >= 0 ? days : days - 146'096) / 146'097;
  const auto of_era = static_cast<int>(days - era * 146'097);
  const int year = (of_era - of_era / 1460 + of_era / 36'524 - of_era / 146'096) / 365;
  const int of_year = of_era - (365 * year + year / 4 - year / 100);
  const int shifted = (5 * of_year + 2) / 153;
  const int month = shifted < 10 ? shifted + 3 : shifted - 9;
  return {year + era * 400 + (month <= 2 ? 1 : 0), month, of_year - (153 * shifted + 2) / 5 + 1};
}

std::int64_t days_of(const Civil& civil) {
  const std::int64_t year = civil.year - (civil.month <= 2 ? 1 : 0);
  const std::int64_t era = (year >= 0 ? year : year - 399) / 400;
  const std::int64_t of_era_year = year - era * 400;
  const int of_year =
      (153 * (civil.month > 2 ? civil.month - 3 : civil.month + 9) + 2) / 5 + civil.day - 1;
  return era * 146'097 + of_era_year * 365 + of_era_year / 4 - of_era_year / 100 + of_year -
         719'468;
}

int days_in_month(std::int64_t year, int month) {
  constexpr std::array<int, 12> kDays{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return month == 2 && leap ? 29 : kDays.at(static_cast<std::size_t>(month - 1));
}

struct Split {
  std::int64_t days;
  std::int64_t micros;
};
Split split_days(std::int64_t micros) {
  std::int64_t days = micros / kMicrosPerDay;
  if (micros % kMicrosPerDay < 0) --days;
  return {days, micros - days * kMicrosPerDay};
}

// "04.5", without zeros at the end.
std::string seconds_text(std::int64_t micros) {
  std::string text = runtime::format("{:02}", micros / kMicrosPerSecond);
  if (const std::int64_t fraction = micros % kMicrosPerSecond; fraction != 0) {
    text += runtime::format(".{:06}", fraction);
    while (text.back() == '0') text.pop_back();
  }
  return text;
}

std::string clock_text(std::int64_t micros) {
  const std::int64_t minutes = micros / (60 * kMicrosPerSecond);
  return runtime::format("{:02}:{:02}:{}", minutes / 60, minutes % 60,
                         seconds_text(micros % (60 * kMicrosPerSecond)));
}

runtime::Error bad_input(std::string_view type, std::string_view text) {
  return {.kind = &kBadDatetime,
          .what = runtime::format("invalid input syntax for type {}: \"{}\"", type, text)};
}

runtime::Error out_of_range(std::string_view text) {
  return {.kind = &kDatetimeOverflow,
          .what = runtime::format("date/time field value out of range: \"{}\"", text)};
}

// What is left of a text that is read from front to back.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : rest_(text) {}

  bool done() const { return rest_.empty(); }
  char front() const { return rest_.empty() ? '\0' : rest_.front(); }
  std::string_view rest() const { return rest_; }
  bool take(char c) {
    if (front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void blanks() {
    while (front() == ' ' || front() == '\t' || front() == '\n') rest_.remove_prefix(1);
  }
  // Up to nine digits and no more.
  std::optional<int> digits(std::size_t most = 9) {
    std::size_t size = 0;
    int value = 0;
    while (size < most && size < rest_.size() && rest_[size] >= '0' && rest_[size] <= '9') {
      value = value * 10 + (rest_[size++] - '0');
    }
    rest_.remove_prefix(size);
    return size == 0 ? std::nullopt : std::optional(value);
  }
  // The digits behind a point, in microseconds.
  std::int64_t fraction() {
    std::int64_t micros = 0;
    std::int64_t unit = kMicrosPerSecond / 10;
    while (front() >= '0' && front() <= '9') {
      micros += (front() - '0') * unit;
      unit /= 10;
      rest_.remove_prefix(1);
    }
    return micros;
  }
  std::string word() {
    std::string word;
    while (std::isalpha(static_cast<unsigned char>(front())) != 0) {
      word += wire::lower(front());
      rest_.remove_prefix(1);
    }
    return word;
  }

 private:
  std::string_view rest_;
};

// "17:11:46.5", from the hours on.
std::optional<std::int64_t> read_clock(Cursor& cursor, int hours) {
  if (!cursor.take(':')) return std::nullopt;
  const auto minutes = cursor.digits(2);
  if (!minutes || *minutes > 59) return std::nullopt;
  std::int64_t micros = (hours * std::int64_t{60} + *minutes) * 60 * kMicrosPerSecond;
  if (cursor.take(':')) {
    const auto seconds = cursor.digits(2);
    if (!seconds || *seconds > 60) return std::nullopt;
    micros += *seconds * kMicrosPerSecond;
    if (cursor.take('.')) micros += cursor.fraction();
  }
  return micros;
}

// The zone's distance from UTC in microseconds, or none.
std::optional<std::int64_t> read_zone(Cursor& cursor) {
  if (cursor.front() == '+' || cursor.front() == '-') {
    const std::int64_t sign = cursor.take('-') ? -1 : 1;
    if (sign > 0) cursor.take('+');
    const auto hours = cursor.digits(2);
    if (!hours || *hours > 15) return std::nullopt;
    cursor.take(':');
    const auto minutes = cursor.digits(2);
    return sign * (*hours * std::int64_t{60} + minutes.value_or(0)) * 60 * kMicrosPerSecond;
  }
  const std::string name = cursor.word();
  if (name.empty() || name == "z" || name == "utc" || name == "gmt") return 0;
  return std::nullopt;
}

// Microseconds in a unit of an interval, by its names; 0: no such unit.
double unit_micros(std::string_view unit) {
  constexpr double kSecond = kMicrosPerSecond;
  constexpr double kDay = 86'400 * kSecond;
  constexpr std::pair<std::string_view, double> kUnits[]{{"microsecond", 1},
                                                         {"us", 1},
                                                         {"usec", 1},
                                                         {"millisecond", 1000},
                                                         {"ms", 1000},
                                                         {"msec", 1000},
                                                         {"second", kSecond},
                                                         {"sec", kSecond},
                                                         {"s", kSecond},
                                                         {"minute", 60 * kSecond},
                                                         {"min", 60 * kSecond},
                                                         {"m", 60 * kSecond},
                                                         {"hour", 3600 * kSecond},
                                                         {"hr", 3600 * kSecond},
                                                         {"h", 3600 * kSecond},
                                                         {"day", kDay},
                                                         {"d", kDay},
                                                         {"week", 7 * kDay},
                                                         {"w", 7 * kDay},
                                                         {"month", 30 * kDay},
                                                         {"mon", 30 * kDay},
                                                         {"year", 365.25 * kDay},
                                                         {"yr", 365.25 * kDay},
                                                         {"y", 365.25 * kDay}};
  for (const auto& [name, micros] : kUnits) {
    if (unit == name ||
        (unit.size() > 2 && unit.ends_with('s') && unit.substr(0, unit.size() - 1) == name)) {
      return micros;
    }
  }
  return 0;
}

// "P1DT2H3M4S", behind the P.
std::optional<double> read_iso_interval(Cursor& cursor) {
  double micros = 0;
  bool time = false;
  while (!cursor.done()) {
    if (cursor.take('T')) {
      time = true;
      continue;
    }
    const double sign = cursor.take('-') ? -1 : 1;
    const auto whole = cursor.digits();
    if (!whole) return std::nullopt;
    double number = *whole;
    if (cursor.take('.')) number += static_cast<double>(cursor.fraction()) / kMicrosPerSecond;
    const char unit = cursor.front();
    if (!cursor.take(unit) || unit == '\0') return std::nullopt;
    const std::string_view name = unit == 'M' && !time ? "month" : std::string_view{};
    const char lowered = wire::lower(unit);
    const double each = unit_micros(name.empty() ? std::string_view(&lowered, 1) : name);
    if (each == 0) return std::nullopt;
    micros += sign * number * each;
  }
  return micros;
}

// One number with its unit, or a clock.
std::optional<double> read_interval_part(Cursor& cursor) {
  const double sign = cursor.take('-') ? -1 : 1;
  if (sign > 0) cursor.take('+');
  const auto whole = cursor.digits();
  if (!whole && cursor.front() != '.') return std::nullopt;
  if (cursor.front() == ':') {
    const auto clock = read_clock(cursor, *whole);
    if (!clock) return std::nullopt;
    return sign * static_cast<double>(*clock);
  }
  double number = whole.value_or(0);
  if (cursor.take('.')) number += static_cast<double>(cursor.fraction()) / kMicrosPerSecond;
  cursor.blanks();
  const std::string unit = cursor.word();
  const double each = unit.empty() ? kMicrosPerSecond : unit_micros(unit);
  if (each == 0) return std::nullopt;
  return sign * number * each;
}

}  // namespace

std::string write_date(std::int64_t days) {
  const Civil civil = civil_of(days + kEpochDays);
  return runtime::format("{:04}-{:02}-{:02}", civil.year, civil.month, civil.day);
}

std::string write_timestamp(std::int64_t micros, bool zone) {
  if (micros == kInfinity) return "infinity";
  if (micros == kMinusInfinity) return "-infinity";
  const Split split = split_days(micros);
  return runtime::format("{} {}{}", write_date(split.days), clock_text(split.micros),
                         zone ? "+00" : "");
}

std::string write_interval(std::int64_t micros) {
  const std::int64_t days = micros / kMicrosPerDay;
  const std::int64_t rest = micros % kMicrosPerDay;
  std::string text;
  if (days != 0) text = runtime::format("{} {}", days, days == 1 ? "day" : "days");
  if (rest == 0 && days != 0) return text;
  if (!text.empty()) text += ' ';
  if (rest < 0) text += '-';
  return text + clock_text(rest < 0 ? -rest : rest);
}

runtime::Result<std::int64_t> read_timestamp(std::string_view type, std::string_view text,
                                             std::int64_t now) {
  const std::string_view trimmed = wire::trim(text);
  if (wire::equal_ignoring_case(trimmed, "now")) return now;
  if (wire::equal_ignoring_case(trimmed, "epoch")) return -kEpochDays * kMicrosPerDay;
  if (wire::equal_ignoring_case(trimmed, "infinity")) return kInfinity;
  if (wire::equal_ignoring_case(trimmed, "-infinity")) return kMinusInfinity;
  const std::int64_t today = split_days(now).days * kMicrosPerDay;
  if (wire::equal_ignoring_case(trimmed, "today")) return today;
  if (wire::equal_ignoring_case(trimmed, "yesterday")) return today - kMicrosPerDay;
  if (wire::equal_ignoring_case(trimmed, "tomorrow")) return today + kMicrosPerDay;

  Cursor cursor(trimmed);
  const auto year = cursor.digits(6);
  if (!year || !cursor.take('-')) return bad_input(type, text);
  const auto month = cursor.digits(2);
  if (!month || !cursor.take('-')) return bad_input(type, text);
  const auto day = cursor.digits(2);
  if (!day) return bad_input(type, text);
  if (*month < 1 || *month > 12 || *day < 1 || *day > days_in_month(*year, *month)) {
    return out_of_range(text);
  }
  std::int64_t micros = 0;
  if (cursor.front() == 'T' || cursor.front() == ' ') {
    cursor.take('T');
    cursor.blanks();
    const auto hours = cursor.digits(2);
    if (!hours) return bad_input(type, text);
    if (*hours > 24) return out_of_range(text);
    const auto clock = read_clock(cursor, *hours);
    if (!clock) return bad_input(type, text);
    micros = *clock;
  }
  cursor.blanks();
  const auto zone = read_zone(cursor);
  if (!zone || !cursor.done()) return bad_input(type, text);
  const std::int64_t days = days_of({*year, *month, *day}) - kEpochDays;
  return days * kMicrosPerDay + micros - *zone;
}

runtime::Result<std::int64_t> read_interval(std::string_view text) {
  Cursor cursor(wire::trim(text));
  if (cursor.done()) return bad_input("interval", text);
  double micros = 0;
  if (cursor.take('P')) {
    const auto read = read_iso_interval(cursor);
    if (!read) return bad_input("interval", text);
    micros = *read;
  } else {
    cursor.take('@');
    for (cursor.blanks(); !cursor.done(); cursor.blanks()) {
      if (wire::equal_ignoring_case(cursor.rest(), "ago")) {
        micros = -micros;
        break;
      }
      const auto part = read_interval_part(cursor);
      if (!part) return bad_input("interval", text);
      micros += *part;
    }
  }
  if (std::abs(micros) > 9e18) {
    return runtime::Error{
        .kind = &kDatetimeOverflow,
        .what = runtime::format("interval field value out of range: \"{}\"", text)};
  }
  return std::llround(micros);
}

Field extract_time(std::string_view field, std::int64_t micros) {
  const Split split = split_days(micros);
  const Civil civil = civil_of(split.days + kEpochDays);
  const auto found = [](auto value) { return Field{true, static_cast<double>(value)}; };
  const std::int64_t minute_micros = split.micros % (60 * kMicrosPerSecond);
  if (field == "epoch") {
    return found(static_cast<double>(micros + kEpochDays * kMicrosPerDay) / kMicrosPerSecond);
  }
  if (field == "year") return found(civil.year);
  if (field == "month") return found(civil.month);
  if (field == "day") return found(civil.day);
  if (field == "hour") return found(split.micros / (3600 * kMicrosPerSecond));
  if (field == "minute") return found(split.micros / (60 * kMicrosPerSecond) % 60);
  if (field == "second") return found(static_cast<double>(minute_micros) / kMicrosPerSecond);
  if (field == "milliseconds") return found(static_cast<double>(minute_micros) / 1000);
  if (field == "microseconds") return found(minute_micros);
  // 2000-01-01 was a Saturday.
  if (field == "dow") return found(((split.days + 6) % 7 + 7) % 7);
  if (field == "doy") {
    return found(split.days + kEpochDays - days_of({civil.year, 1, 1}) + 1);
  }
  return {};
}

Field extract_interval(std::string_view field, std::int64_t micros) {
  const auto found = [](auto value) { return Field{true, static_cast<double>(value)}; };
  const std::int64_t rest = micros % kMicrosPerDay;
  const std::int64_t minute_micros = rest % (60 * kMicrosPerSecond);
  if (field == "epoch") return found(static_cast<double>(micros) / kMicrosPerSecond);
  if (field == "day") return found(micros / kMicrosPerDay);
  if (field == "hour") return found(rest / (3600 * kMicrosPerSecond));
  if (field == "minute") return found(rest / (60 * kMicrosPerSecond) % 60);
  if (field == "second") return found(static_cast<double>(minute_micros) / kMicrosPerSecond);
  if (field == "milliseconds") return found(static_cast<double>(minute_micros) / 1000);
  if (field == "microseconds") return found(minute_micros);
  if (field == "year" || field == "month") return found(0);
  return {};
}

}  // namespace server::console

#include "server/settings/units.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <optional>
#include <span>
#include <utility>

#include "runtime/check.h"
#include "runtime/format.h"
#include "server/wire/errors.h"
#include "server/wire/text.h"

namespace server::settings {

using wire::trim;
using wire::trim_left;

namespace {

constexpr double kKilobyte = 1024;
constexpr double kMegabyte = 1024 * kKilobyte;
constexpr double kMillisecond = 1000;
constexpr double kSecond = 1000 * kMillisecond;
constexpr double kMinute = 60 * kSecond;

// The name of a unit and its worth, in bytes or in microseconds.
struct NamedUnit {
  std::string_view name;
  double worth;
};
// The larger ones come first.
constexpr std::array<NamedUnit, 5> kMemoryUnits{{{"TB", kMegabyte* kMegabyte},
                                                 {"GB", kMegabyte* kKilobyte},
                                                 {"MB", kMegabyte},
                                                 {"kB", kKilobyte},
                                                 {"B", 1}}};
constexpr std::array<NamedUnit, 6> kTimeUnits{{{"d", 1440 * kMinute},
                                               {"h", 60 * kMinute},
                                               {"min", kMinute},
                                               {"s", kSecond},
                                               {"ms", kMillisecond},
                                               {"us", 1}}};

bool counts_time(Unit unit) { return unit >= Unit::kMilliseconds; }

std::span<const NamedUnit> units_beside(Unit unit) {
  if (counts_time(unit)) return kTimeUnits;
  return kMemoryUnits;
}

// One of `unit`, named as errors of range name it (get_config_unit_name).
NamedUnit base_of(Unit unit) {
  switch (unit) {
    case Unit::kNone:
      break;
    case Unit::kBytes:
      return {"B", 1};
    case Unit::kKilobytes:
      return {"kB", kKilobyte};
    case Unit::kBlocks:
      return {"8kB", 8 * kKilobyte};
    case Unit::kMegabytes:
      return {"MB", kMegabyte};
    case Unit::kMilliseconds:
      return {"ms", kMillisecond};
    case Unit::kSeconds:
      return {"s", kSecond};
  }
  return {"", 1};
}

runtime::Error invalid_number(std::string_view name, std::string_view text, std::string hint = {}) {
  return {.kind = &wire::kInvalidParameterValue,
          .what = runtime::format("invalid value for parameter \"{}\": \"{}\"", name, text),
          .hint = std::move(hint)};
}

runtime::Error invalid_unit(Unit unit, std::string_view name, std::string_view text) {
  return invalid_number(
      name, text,
      counts_time(unit)
          ? "Valid units for this parameter are \"us\", \"ms\", \"s\", \"min\", \"h\", and \"d\"."
          : "Valid units for this parameter are \"B\", \"kB\", \"MB\", \"GB\", and \"TB\".");
}

std::string format_number(bool whole, double value) {
  return whole ? runtime::format("{:.0f}", value) : runtime::format("{:g}", value);
}

runtime::Error out_of_range(const NumberType& type, std::string_view name, double value) {
  const std::string_view unit = base_of(type.unit).name;
  return {.kind = &wire::kInvalidParameterValue,
          .what = runtime::format(
              "{}{}{} is outside the valid range for parameter \"{}\" ({} .. {})",
              format_number(type.whole, value), unit.empty() ? "" : " ", unit, name,
              format_number(type.whole, type.least), format_number(type.whole, type.most))};
}

// Takes a number off the front of `text`, and the blanks behind it: as strtol (base 0) reads it if
// it is whole, else as strtod does.
std::optional<double> take_number(std::string_view& text, bool whole) {
  const std::string copy(text);
  char* end = nullptr;
  double value = 0;
  errno = 0;
  if (whole) {
    value = static_cast<double>(std::strtol(copy.c_str(), &end, 0));
    whole = *end != '.' && *end != 'e' && *end != 'E' && errno != ERANGE;
  }
  if (!whole) {
    errno = 0;
    value = std::strtod(copy.c_str(), &end);
  }
  if (end == copy.c_str() || errno == ERANGE || std::isnan(value)) return std::nullopt;
  text = trim_left(text.substr(static_cast<std::size_t>(end - copy.c_str())));
  return value;
}

// `number` of the unit called `name`, counted in `base`; none if there is no such unit. A fraction
// is rounded to a whole number of the next smaller unit (convert_to_base_unit): 30.1GB are 30822MB.
std::optional<double> convert(double number, std::string_view name, Unit base) {
  const std::span<const NamedUnit> units = units_beside(base);
  for (std::size_t i = 0; i < units.size(); ++i) {
    if (units[i].name != name) continue;
    double amount = number * units[i].worth;
    if (i + 1 < units.size()) {
      amount = std::nearbyint(amount / units[i + 1].worth) * units[i + 1].worth;
    }
    return amount / base_of(base).worth;
  }
  return std::nullopt;
}

// Whether "%g" shows `value` as a whole number, although the division that made it may have left a
// rest (convert_real_from_base_unit).
bool is_about_whole(double value) { return std::fabs(std::nearbyint(value) / value - 1.0) <= 1e-8; }

}  // namespace

runtime::Result<double> parse_number(const NumberType& type, std::string_view name,
                                     std::string_view text) {
  std::string_view rest = text;
  const auto number = take_number(rest, type.whole);
  if (!number.has_value()) return invalid_number(name, text);
  double value = *number;
  if (!rest.empty()) {
    if (type.unit == Unit::kNone) return invalid_number(name, text);
    const auto converted = convert(value, trim(rest), type.unit);
    if (!converted.has_value()) return invalid_unit(type.unit, name, text);
    value = *converted;
  }
  if (type.whole) {
    value = std::nearbyint(value);
    if (value > kIntegerMax || value < -kIntegerMax - 1) {
      return invalid_number(name, text, "Value exceeds integer range.");
    }
  }
  if (value >= type.least && value <= type.most) return value;
  return out_of_range(type, name, value);
}

std::string show_number(const NumberType& type, double value) {
  if (type.unit == Unit::kNone || value <= 0) return format_number(type.whole, value);
  const double amount = value * base_of(type.unit).worth;
  const std::span<const NamedUnit> units = units_beside(type.unit);
  for (const NamedUnit& unit : units) {
    const double count = amount / unit.worth;
    const bool whole = type.whole ? count == std::floor(count) : is_about_whole(count);
    if (whole || unit.name == units.back().name) {
      return runtime::format("{}{}", format_number(type.whole, count), unit.name);
    }
  }
  UNREACHABLE();
}

namespace {

// As PostgreSQL prints the ends of a range: whole numbers with all their digits, others rounded.
std::string format_amount(double value) {
  return format_number(value == std::nearbyint(value), value);
}

runtime::Error amount_out_of_range(Unit bare, std::string_view name, double value, double least,
                                   double most) {
  return {
      .kind = &wire::kInvalidParameterValue,
      .what = runtime::format("{} {} is outside the valid range for parameter \"{}\" ({} .. {})",
                              format_amount(value), base_of(bare).name, name, format_amount(least),
                              format_amount(most))};
}

// Sizes go beyond an int, and times below a millisecond, so parse_number() reads both as reals. The
// amount is counted in bytes or microseconds, each of which is divided into `parts`.
runtime::Result<std::uint64_t> parse_amount(std::string_view name, std::string_view text, Unit bare,
                                            double parts, std::uint64_t least, std::uint64_t most) {
  const double number = TRY(parse_number(
      {.whole = false, .unit = bare, .least = -kRealMax, .most = kRealMax}, name, text));
  const double scale = base_of(bare).worth * parts;
  const double amount = std::nearbyint(number * scale);
  if (number >= 0 && amount >= static_cast<double>(least) && amount <= static_cast<double>(most)) {
    return static_cast<std::uint64_t>(amount);
  }
  return amount_out_of_range(bare, name, number, std::ceil(static_cast<double>(least) / scale),
                             std::floor(static_cast<double>(most) / scale));
}

}  // namespace

runtime::Result<std::uint64_t> parse_bytes(std::string_view name, std::string_view text, Unit bare,
                                           std::uint64_t most, std::uint64_t least) {
  DCHECK(!counts_time(bare));
  return parse_amount(name, text, bare, 1, least, std::min(most, kAmountMax));
}

runtime::Result<std::uint64_t> parse_rate(std::string_view name, std::string_view text) {
  text = trim(text);
  if (text.ends_with("/s")) text.remove_suffix(2);
  return parse_bytes(name, text);
}

runtime::Result<runtime::Duration> parse_duration(std::string_view name, std::string_view text,
                                                  Unit bare) {
  DCHECK(counts_time(bare));
  const std::uint64_t nanoseconds = TRY(parse_amount(name, text, bare, 1000, 0, kAmountMax));
  return runtime::Duration(std::chrono::nanoseconds(nanoseconds));
}

std::string_view name_of(Unit unit) {
  switch (unit) {
    case Unit::kNone:
      break;
    case Unit::kBytes:
      return "bytes";
    case Unit::kKilobytes:
      return "kilobytes";
    case Unit::kBlocks:
      return "blocks of 8 kB";
    case Unit::kMegabytes:
      return "megabytes";
    case Unit::kMilliseconds:
      return "milliseconds";
    case Unit::kSeconds:
      return "seconds";
  }
  return "";
}

std::string show_bytes(std::uint64_t bytes) {
  return show_number({.unit = Unit::kBytes}, static_cast<double>(bytes));
}

std::string show_duration(runtime::Duration duration) {
  const auto whole = std::chrono::duration_cast<std::chrono::milliseconds>(duration);
  return show_number({.unit = Unit::kMilliseconds}, static_cast<double>(whole.count()));
}

}  // namespace server::settings

#include "server/settings/units.h"

#include <charconv>
#include <cmath>
#include <span>

#include "server/wire/text.h"

namespace server::settings {

using wire::trim;

namespace {

struct Unit {
  std::string_view name;
  std::uint64_t size;
};

constexpr Unit kByteUnits[]{
    {"B", 1}, {"kB", 1ull << 10}, {"MB", 1ull << 20}, {"GB", 1ull << 30}, {"TB", 1ull << 40}};
constexpr Unit kNanosecondUnits[]{
    {"us", 1'000},           {"ms", 1'000'000},        {"s", 1'000'000'000},
    {"min", 60'000'000'000}, {"h", 3'600'000'000'000}, {"d", 86'400'000'000'000}};

std::optional<std::uint64_t> parse(std::string_view text, std::span<const Unit> units,
                                   std::uint64_t bare_unit) {
  text = trim(text);
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || number < 0) return std::nullopt;
  const std::string_view name = trim(text.substr(static_cast<std::size_t>(end - text.data())));
  std::uint64_t size = name.empty() ? bare_unit : 0;
  for (const Unit& unit : units) {
    if (unit.name == name) size = unit.size;
  }
  const double value = std::nearbyint(number * static_cast<double>(size));
  if (size == 0 || !(value <= 9e18)) return std::nullopt;  // "nan" is a number to from_chars
  return static_cast<std::uint64_t>(value);
}

}  // namespace

std::optional<std::uint64_t> parse_bytes(std::string_view text, std::uint64_t bare_unit) {
  return parse(text, kByteUnits, bare_unit);
}

std::optional<std::uint64_t> parse_rate(std::string_view text) {
  text = trim(text);
  if (text.ends_with("/s")) text.remove_suffix(2);
  return parse(text, kByteUnits, 1);
}

std::optional<runtime::Duration> parse_duration(std::string_view text) {
  const auto nanoseconds = parse(text, kNanosecondUnits, 1'000'000);
  if (!nanoseconds.has_value()) return std::nullopt;
  return runtime::Duration(static_cast<std::int64_t>(*nanoseconds));
}

}  // namespace server::settings

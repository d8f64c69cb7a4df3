#include "server/console/sizes.h"

#include <charconv>
#include <cmath>
#include <cstdlib>

#include "runtime/format.h"
#include "server/console/errors.h"
#include "server/wire/text.h"

namespace server::console {

namespace {

// Each is shown up to `limit` of it; one bit of what is below is kept, to round with.
struct SizeUnit {
  std::string_view name;
  std::int64_t limit;
  bool rounds;
  int bits;
};
constexpr SizeUnit kUnits[]{{"bytes", 10 * 1024, false, 0},  {"kB", 20 * 1024 - 1, true, 10},
                            {"MB", 20 * 1024 - 1, true, 20}, {"GB", 20 * 1024 - 1, true, 30},
                            {"TB", 20 * 1024 - 1, true, 40}, {"PB", 20 * 1024 - 1, true, 50}};

}  // namespace

std::string size_pretty(std::int64_t bytes) {
  std::int64_t size = bytes;
  const SizeUnit* const last = std::end(kUnits) - 1;
  for (const SizeUnit* unit = std::begin(kUnits);; ++unit) {
    const std::int64_t magnitude = size < 0 ? -(size + 1) + 1 : size;
    if (unit == last || magnitude < unit->limit) {
      if (unit->rounds) size = (size + (size < 0 ? -1 : 1)) / 2;
      return runtime::format("{} {}", size, unit->name);
    }
    const int shift =
        (unit + 1)->bits - unit->bits - ((unit + 1)->rounds ? 1 : 0) + (unit->rounds ? 1 : 0);
    size /= std::int64_t{1} << shift;
  }
}

std::string size_pretty(double bytes) {
  constexpr double kWhole = 9e18;
  if (std::abs(bytes) < kWhole) return size_pretty(static_cast<std::int64_t>(bytes));
  return runtime::format("{:.0f} PB", bytes / 1125899906842624.0);
}

runtime::Result<std::int64_t> size_bytes(std::string_view text) {
  const std::string_view trimmed = wire::trim(text);
  double number = 0;
  const auto [end, error] =
      std::from_chars(trimmed.data(), trimmed.data() + trimmed.size(), number);
  if (error != std::errc()) {
    return runtime::Error{.kind = &runtime::kInvalidParameterValue,
                          .what = runtime::format("invalid size: \"{}\"", text)};
  }
  const auto used = static_cast<std::size_t>(end - trimmed.data());
  const std::string_view name = wire::trim(trimmed.substr(used));
  for (const SizeUnit& unit : kUnits) {
    if (!wire::equal_ignoring_case(name, unit.name) && !(name.empty() && unit.bits == 0)) continue;
    const double bytes = number * static_cast<double>(std::int64_t{1} << unit.bits);
    if (std::abs(bytes) >= 9.2e18) {
      return runtime::Error{.kind = &kOutOfRange, .what = "bigint out of range"};
    }
    return std::llround(bytes);
  }
  return runtime::Error{
      .kind = &runtime::kInvalidParameterValue,
      .what = runtime::format("invalid size: \"{}\"", text),
      .detail = runtime::format("Invalid size unit: \"{}\".", name),
      .hint = "Valid units are \"bytes\", \"kB\", \"MB\", \"GB\", \"TB\", and \"PB\"."};
}

}  // namespace server::console

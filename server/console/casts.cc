#include "server/console/casts.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>

#include "runtime/format.h"
#include "server/console/errors.h"
#include "server/console/times.h"

namespace server::console {

namespace {

// Numbers in the order in which each becomes the next by itself.
constexpr Type kNumbers[]{Type::kInt2,    Type::kInt4,   Type::kInt8,
                          Type::kNumeric, Type::kFloat4, Type::kFloat8};

std::optional<std::size_t> rank_of(Type type) {
  const auto* const at = std::find(std::begin(kNumbers), std::end(kNumbers), type);
  if (at == std::end(kNumbers)) return std::nullopt;
  return static_cast<std::size_t>(at - std::begin(kNumbers));
}

bool is_whole(Type type) {
  return type == Type::kInt2 || type == Type::kInt4 || type == Type::kInt8;
}
bool is_real(Type type) { return type == Type::kFloat4 || type == Type::kFloat8; }
bool is_time(Type type) { return info(type).category == 'D'; }
bool is_address(Type type) { return info(type).category == 'I'; }
bool is_text(Type type) { return is_string(type) || type == Type::kUnknown; }

bool implicit(Type from, Type to) {
  const auto from_rank = rank_of(from);
  const auto to_rank = rank_of(to);
  if (from_rank && to_rank) return *from_rank <= *to_rank;
  if (is_whole(from) && to == Type::kOid) return true;
  if (is_text(from) && is_text(to)) return true;
  if (from == Type::kDate) return to == Type::kTimestamp || to == Type::kTimestamptz;
  if (from == Type::kTimestamp) return to == Type::kTimestamptz;
  return from == Type::kCidr && to == Type::kInet;
}

runtime::Result<Value> check_range(Type to, std::int64_t value) {
  const auto beyond = [to](std::int64_t least, std::int64_t most, std::int64_t v) {
    return v < least || v > most
               ? std::optional(runtime::Error{
                     .kind = &kOutOfRange,
                     .what = runtime::format("{} out of range",
                                             to == Type::kOid ? "OID" : info(to).name)})
               : std::nullopt;
  };
  std::optional<runtime::Error> error;
  if (to == Type::kInt2) error = beyond(-32'768, 32'767, value);
  if (to == Type::kInt4) error = beyond(INT32_MIN, INT32_MAX, value);
  if (to == Type::kOid) error = beyond(INT32_MIN, UINT32_MAX, value);
  if (error) return *error;
  if (to == Type::kOid && value < 0) value += std::int64_t{1} << 32;
  return Value(value);
}

runtime::Result<Value> to_whole(Type from, Type to, const Value& value) {
  if (const auto* integer = std::get_if<std::int64_t>(&value)) return check_range(to, *integer);
  // Numerics are rounded away from zero, floats to even.
  const double real = std::get<double>(value);
  const double rounded = from == Type::kNumeric ? std::round(real) : std::nearbyint(real);
  if (!(std::abs(rounded) < 9.2e18)) {
    return runtime::Error{.kind = &kOutOfRange,
                          .what = runtime::format("{} out of range", info(to).name)};
  }
  return check_range(to, static_cast<std::int64_t>(rounded));
}

runtime::Result<Value> between_times(Type from, Type to, const Value& value) {
  const std::int64_t time = std::get<std::int64_t>(value);
  if (from == Type::kDate && to != Type::kDate) return Value(time * kMicrosPerDay);
  if (from != Type::kDate && to == Type::kDate) {
    return Value(time / kMicrosPerDay - (time % kMicrosPerDay < 0 ? 1 : 0));
  }
  return value;
}

}  // namespace

bool can_cast(Type from, Type to, CastContext context) {
  if (from == to || from == Type::kUnknown) return true;
  if (context == CastContext::kImplicit) return implicit(from, to);
  if (to == Type::kUnknown || to == Type::kRecord || to == Type::kVoid) return false;
  // Everything has a text, and may be read from one.
  if (is_text(to) || is_text(from)) return true;
  if (is_number(from) && is_number(to)) return to != Type::kOid || is_whole(from);
  if (from == Type::kBool || to == Type::kBool) return from == Type::kInt4 || to == Type::kInt4;
  if (is_time(from) && is_time(to)) return true;
  if (is_address(from) && is_address(to)) return true;
  return is_array(from) && is_array(to);
}

bool kept_alike(Type from, Type to) {
  if (from == to) return true;
  const auto rank = [](Type type) { return rank_of(type).value_or(0); };
  if (is_whole(from) && (is_whole(to) || to == Type::kNumeric)) return rank(from) <= rank(to);
  if (is_real(from) && is_real(to)) return from == Type::kFloat4;
  if (is_text(from) && is_text(to)) return to != Type::kName || from == Type::kName;
  if (from == Type::kCidr && to == Type::kInet) return true;
  return from == Type::kTimestamp && to == Type::kTimestamptz;
}

runtime::Result<Value> cast(Type from, Type to, const Value& value) {
  if (kept_alike(from, to)) return value;
  if (is_number(from) && is_number(to)) {
    if (is_whole(to) || to == Type::kOid) return to_whole(from, to, value);
    if (to == Type::kNumeric) return value;
    if (const auto* integer = std::get_if<std::int64_t>(&value)) {
      return Value(static_cast<double>(*integer));
    }
    if (to == Type::kFloat4) {
      return Value(static_cast<double>(static_cast<float>(std::get<double>(value))));
    }
    return value;
  }
  if (from == Type::kBool && to == Type::kInt4) return value;
  if (from == Type::kInt4 && to == Type::kBool) {
    return Value(std::int64_t{std::get<std::int64_t>(value) != 0});
  }
  if (is_time(from) && is_time(to)) return between_times(from, to, value);
  // boolean's cast to text is not its output function (bool.c, booltext).
  if (from == Type::kBool && is_text(to)) {
    return Value(std::string(std::get<std::int64_t>(value) != 0 ? "true" : "false"));
  }
  return read_text(to, write_text(from, value));
}

std::optional<Type> common_type(Type a, Type b) {
  if (a == b || b == Type::kUnknown) return a;
  if (a == Type::kUnknown) return b;
  if (is_string(a) && is_string(b)) return Type::kText;
  if (implicit(a, b)) return b;
  if (implicit(b, a)) return a;
  return std::nullopt;
}

}  // namespace server::console

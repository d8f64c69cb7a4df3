// What operators and casts are made of (operators.cc, coercion.cc). SQLite's own operators do for
// the rest.

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "runtime/format.h"
#include "server/auth/regex.h"
#include "server/console/arrays.h"
#include "server/console/casts.h"
#include "server/console/errors.h"
#include "server/console/function.h"
#include "server/console/pattern.h"

namespace server::console {

namespace {

double real_of(const Value& value) {
  if (const auto* integer = std::get_if<std::int64_t>(&value)) return static_cast<double>(*integer);
  return std::get<double>(value);
}
std::int64_t integer_of(const Value& value) { return std::get<std::int64_t>(value); }
Type type_of(const Value& value) { return static_cast<Type>(integer_of(value)); }

runtime::Error out_of_range(Type type) {
  return {.kind = &kOutOfRange,
          .what = runtime::format("{} out of range",
                                  type == Type::kFloat8 ? "value" : info(type).name)};
}

runtime::Error division_by_zero() { return {.kind = &kDivisionByZero, .what = "division by zero"}; }

runtime::Result<Value> of_reals(char name, Type type, double left, double right) {
  if ((name == '/' || name == '%') && right == 0) return division_by_zero();
  double value = 0;
  switch (name) {
    case '+':
      value = left + right;
      break;
    case '-':
      value = left - right;
      break;
    case '*':
      value = left * right;
      break;
    case '/':
      value = left / right;
      break;
    case '%':
      value = std::fmod(left, right);
      break;
    default:
      value = std::pow(left, right);
  }
  if (std::isinf(value) && !std::isinf(left) && !std::isinf(right)) return out_of_range(type);
  return Value(value);
}

runtime::Result<Value> of_integers(char name, Type type, std::int64_t left, std::int64_t right) {
  if ((name == '/' || name == '%') && right == 0) return division_by_zero();
  std::int64_t value = 0;
  bool overflow = false;
  switch (name) {
    case '+':
      overflow = __builtin_add_overflow(left, right, &value);
      break;
    case '-':
      overflow = __builtin_sub_overflow(left, right, &value);
      break;
    case '*':
      overflow = __builtin_mul_overflow(left, right, &value);
      break;
    default:
      // The least number by -1 is one more than the largest.
      if (right == -1) {
        overflow = name == '/' && __builtin_sub_overflow(std::int64_t{0}, left, &value);
      } else {
        value = name == '/' ? left / right : left % right;
      }
  }
  if (type == Type::kInt4) {
    overflow = overflow || value != static_cast<std::int32_t>(value);
  } else if (type == Type::kInt2) {
    overflow = overflow || value != static_cast<std::int16_t>(value);
  }
  if (overflow) return out_of_range(type);
  return Value(value);
}

// A numeric is whole as long as it can be.
runtime::Result<Value> of_numerics(char name, const Value& left, const Value& right) {
  const auto* a = std::get_if<std::int64_t>(&left);
  const auto* b = std::get_if<std::int64_t>(&right);
  if (a != nullptr && b != nullptr && name != '^' && *b != 0 && (name != '/' || *a % *b == 0)) {
    auto whole = of_integers(name, Type::kNumeric, *a, *b);
    if (whole) return whole;
  }
  if (a != nullptr && b != nullptr && *b == 0 && name != '/' && name != '%' && name != '^') {
    return of_integers(name, Type::kNumeric, *a, *b);
  }
  return of_reals(name, Type::kNumeric, real_of(left), real_of(right));
}

runtime::Result<Value> arith(CallContext&, Arguments a) {
  const char name = std::get<std::string>(a[0]).at(0);
  const Type type = type_of(a[1]);
  if (type == Type::kNumeric) return of_numerics(name, a[2], a[3]);
  if (type == Type::kFloat8 || type == Type::kFloat4) {
    return of_reals(name, type, real_of(a[2]), real_of(a[3]));
  }
  return of_integers(name, type, integer_of(a[2]), integer_of(a[3]));
}

runtime::Result<Value> cast_value(CallContext&, Arguments a) {
  return cast(type_of(a[0]), type_of(a[1]), a[2]);
}

runtime::Result<Value> like(CallContext&, Arguments a) {
  const bool matches = TRY(is_like(std::get<std::string>(a[0]), std::get<std::string>(a[1]),
                                   integer_of(a[2]) != 0, std::get<std::string>(a[3])));
  return flag(matches);
}

// The expression is compiled anew for each row: a statement rarely has many.
runtime::Result<Value> match(CallContext&, Arguments a) {
  auto regex = auth::Regex::compile(std::get<std::string>(a[1]), integer_of(a[2]) != 0
                                                                     ? auth::Regex::Case::kIgnored
                                                                     : auth::Regex::Case::kDiffers);
  if (!regex) {
    runtime::Error error = std::move(regex).error();
    error.kind = &kBadRegex;
    return error;
  }
  return flag(regex->matches(std::get<std::string>(a[0])));
}

// Bytes may be more than an integer has.
runtime::Result<Value> lsn_difference(CallContext&, Arguments a) {
  const std::uint64_t left = lsn_of(integer_of(a[0])).value();
  const std::uint64_t right = lsn_of(integer_of(a[1])).value();
  const auto difference = static_cast<std::int64_t>(left - right);
  if ((left >= right) == (difference >= 0)) return Value(difference);
  return Value(static_cast<double>(left) - static_cast<double>(right));
}

runtime::Result<Value> lsn_move(CallContext&, Arguments a) {
  const double by = real_of(a[2]) * (std::get<std::string>(a[0]) == "-" ? -1 : 1);
  const double target = static_cast<double>(lsn_of(integer_of(a[1])).value()) + by;
  if (!(target >= 0) || target >= 18446744073709551616.0) {
    return runtime::Error{.kind = &kOutOfRange, .what = "pg_lsn out of range"};
  }
  const auto bytes = static_cast<std::uint64_t>(std::llround(std::abs(by)));
  const std::uint64_t from = lsn_of(integer_of(a[1])).value();
  return Value(stored(wal::Lsn(by < 0 ? from - bytes : from + bytes)));
}

// Whether an element of the array equals the text (ANY), or none differs (ALL): three-valued.
runtime::Result<Value> in_array(CallContext&, Arguments a) {
  const ArrayElements elements = TRY(read_array(std::get<std::string>(a[1])));
  bool has_null = false;
  for (const auto& element : elements) {
    if (element && *element == std::get<std::string>(a[0])) return flag(true);
    has_null = has_null || !element;
  }
  return has_null ? null() : flag(false);
}

runtime::Result<Value> element(CallContext&, Arguments a) {
  const ArrayElements elements = TRY(read_array(std::get<std::string>(a[0])));
  const std::int64_t index = integer_of(a[1]);
  if (index < 1 || index > static_cast<std::int64_t>(elements.size())) return null();
  const auto& found = elements[static_cast<std::size_t>(index - 1)];
  return found ? text(*found) : null();
}

// Of the texts of its arguments.
runtime::Result<Value> make_array(CallContext&, Arguments a) {
  ArrayElements elements;
  for (const Value& value : a) {
    elements.emplace_back();
    if (!is_null(value)) elements.back() = std::get<std::string>(value);
  }
  return text(write_array(elements));
}

// A field of a record that record_out() has written, by its index from 1; null if it is empty.
runtime::Result<Value> field(CallContext&, Arguments a) {
  std::string_view record = std::get<std::string>(a[0]);
  record = record.substr(1, record.size() - 2);
  for (std::int64_t i = 1; i < integer_of(a[1]); ++i) {
    record = record.substr(std::min(record.find(',') + 1, record.size()));
  }
  record = record.substr(0, record.find(','));
  return record.empty() ? null() : text(record);
}

// Nulls do not count, unless there is nothing else.
template <bool kGreatest>
runtime::Result<Value> extreme(CallContext&, Arguments a) {
  Value found;
  for (const Value& value : a) {
    if (is_null(value)) continue;
    if (is_null(found) || (kGreatest ? found < value : value < found)) found = value;
  }
  return found;
}

// For LIMIT and OFFSET.
runtime::Result<Value> row_count(CallContext&, Arguments a) {
  const std::int64_t count = integer_of(a[0]);
  const bool is_limit = integer_of(a[1]) != 0;
  if (count >= 0) return Value(count);
  return runtime::Error{
      .kind = is_limit ? &kNegativeLimit : &kNegativeOffset,
      .what = is_limit ? "LIMIT must not be negative" : "OFFSET must not be negative"};
}

}  // namespace

std::vector<Function> operator_functions() {
  constexpr Type kAny = Type::kUnknown;
  return {
      {.name = "pg_arith", .arguments = {kAny, kAny, kAny, kAny}, .result = kAny, .call = arith},
      {.name = "pg_cast", .arguments = {kAny, kAny, kAny}, .result = kAny, .call = cast_value},
      {.name = "pg_like", .arguments = {kAny, kAny, kAny, kAny}, .result = kAny, .call = like},
      {.name = "pg_match", .arguments = {kAny, kAny, kAny}, .result = kAny, .call = match},
      {.name = "pg_lsn_diff", .arguments = {kAny, kAny}, .result = kAny, .call = lsn_difference},
      {.name = "pg_lsn_move", .arguments = {kAny, kAny, kAny}, .result = kAny, .call = lsn_move},
      {.name = "pg_in_array", .arguments = {kAny, kAny}, .result = kAny, .call = in_array},
      {.name = "pg_element", .arguments = {kAny, kAny}, .result = kAny, .call = element},
      {.name = "pg_field", .arguments = {kAny, kAny}, .result = kAny, .call = field},
      {.name = "pg_row_count", .arguments = {kAny, kAny}, .result = kAny, .call = row_count},
      {.name = "pg_greatest",
       .arguments = {kAny},
       .result = kAny,
       .call = extreme<true>,
       .strict = false,
       .variadic = true},
      {.name = "pg_least",
       .arguments = {kAny},
       .result = kAny,
       .call = extreme<false>,
       .strict = false,
       .variadic = true},
      {.name = "pg_array",
       .arguments = {kAny},
       .result = kAny,
       .call = make_array,
       .strict = false,
       .variadic = true},
  };
}

}  // namespace server::console

#include "server/console/operators.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

#include "runtime/format.h"
#include "server/console/errors.h"

namespace server::console {

namespace {

constexpr std::string_view kExplicitHint =
    "No operator matches the given name and argument types. You might need to add explicit type "
    "casts.";

runtime::Error no_operator(const Coercion& coercion, std::string_view name, const Typed& left,
                           const Typed& right, std::size_t begin) {
  return coercion.error(kUndefinedFunction,
                        runtime::format("operator does not exist: {} {} {}", info(left.type).name,
                                        name, info(right.type).name),
                        begin, std::string(kExplicitHint));
}

bool is_moment(Type type) { return type == Type::kTimestamp || type == Type::kTimestamptz; }

Typed made(std::string sql, Type type, std::size_t begin) {
  return {.sql = std::move(sql), .type = type, .begin = begin};
}

Typed arithmetic(std::string_view name, Type type, const Typed& left, const Typed& right,
                 std::size_t begin) {
  return made(
      runtime::format("pg_arith('{}',{},{},{})", name, static_cast<int>(type), left.sql, right.sql),
      type, begin);
}

// Makes the unknown one of two what the other is, or both text.
runtime::Result<void> settle_both(Coercion& coercion, Typed& left, Typed& right, Type both) {
  if (left.type == Type::kUnknown && right.type == Type::kUnknown) {
    TRY(coercion.coerce(left, both));
    TRY(coercion.coerce(right, both));
  }
  if (left.type == Type::kUnknown) TRY(coercion.coerce(left, right.type));
  if (right.type == Type::kUnknown) TRY(coercion.coerce(right, left.type));
  return {};
}

runtime::Result<Typed> compare(Coercion& coercion, std::string_view name, Typed left, Typed right,
                               std::size_t begin) {
  TRY(settle_both(coercion, left, right, Type::kText));
  // An oid is compared with any whole number as one.
  auto common = common_type(left.type, right.type);
  if (!common || info(*common).category == 'P' || *common == Type::kJson) {
    return no_operator(coercion, name, left, right, begin);
  }
  TRY(coercion.coerce(left, *common));
  TRY(coercion.coerce(right, *common));
  return made(runtime::format("({} {} {})", left.sql, name, right.sql), Type::kBool, begin);
}

// + and - of times and intervals; none if the types are others.
runtime::Result<std::optional<Typed>> of_times(Coercion& coercion, std::string_view name,
                                               Typed& left, Typed& right, std::size_t begin) {
  const bool minus = name == "-";
  if (name != "+" && !minus) return std::optional<Typed>();
  // timestamp - 'unknown' is of two timestamps, timestamp + 'unknown' of an interval.
  if (is_moment(left.type) && right.type == Type::kUnknown) {
    TRY(coercion.coerce(right, minus ? left.type : Type::kInterval));
  }
  if (right.type == Type::kInterval && left.type == Type::kUnknown) {
    TRY(coercion.coerce(left, Type::kInterval));
  }
  if (is_moment(right.type) && left.type == Type::kUnknown) {
    TRY(coercion.coerce(left, minus ? right.type : Type::kInterval));
  }
  if (left.type == Type::kDate && (right.type == Type::kInterval || is_moment(right.type))) {
    left = TRY(coercion.cast(std::move(left), Type::kTimestamp));
  }
  if (right.type == Type::kDate && is_moment(left.type)) {
    right = TRY(coercion.cast(std::move(right), Type::kTimestamp));
  }
  const auto result = [&](Type type) {
    Typed made = arithmetic(name, Type::kInt8, left, right, begin);
    made.type = type;
    return std::optional(std::move(made));
  };
  if (minus && is_moment(left.type) && is_moment(right.type)) return result(Type::kInterval);
  if (is_moment(left.type) && right.type == Type::kInterval) return result(left.type);
  if (!minus && left.type == Type::kInterval && is_moment(right.type)) return result(right.type);
  if (left.type == Type::kInterval && right.type == Type::kInterval) {
    return result(Type::kInterval);
  }
  if (left.type == Type::kDate && (right.type == Type::kInt4 || right.type == Type::kInt2)) {
    return result(Type::kDate);
  }
  if (minus && left.type == Type::kDate && right.type == Type::kDate) return result(Type::kInt4);
  return std::optional<Typed>();
}

// Positions: their difference in bytes, or one so many bytes on.
runtime::Result<std::optional<Typed>> of_positions(Coercion& coercion, std::string_view name,
                                                   Typed& left, Typed& right, std::size_t begin) {
  if (left.type != Type::kLsn && right.type != Type::kLsn) return std::optional<Typed>();
  if (left.type == Type::kUnknown) TRY(coercion.coerce(left, Type::kLsn));
  if (right.type == Type::kUnknown && name == "-") TRY(coercion.coerce(right, Type::kLsn));
  if (right.type == Type::kUnknown) TRY(coercion.coerce(right, Type::kNumeric));
  if (name == "-" && left.type == Type::kLsn && right.type == Type::kLsn) {
    return std::optional(
        made(runtime::format("pg_lsn_diff({},{})", left.sql, right.sql), Type::kNumeric, begin));
  }
  if (name == "+" && right.type == Type::kLsn && is_number(left.type)) std::swap(left, right);
  if ((name == "+" || name == "-") && left.type == Type::kLsn && is_number(right.type)) {
    return std::optional(made(runtime::format("pg_lsn_move('{}',{},{})", name, left.sql, right.sql),
                              Type::kLsn, begin));
  }
  return std::optional<Typed>();
}

// An interval by a number.
runtime::Result<std::optional<Typed>> of_scales(Coercion& coercion, std::string_view name,
                                                Typed& left, Typed& right, std::size_t begin) {
  if (name != "*" && name != "/") return std::optional<Typed>();
  if (name == "*" && right.type == Type::kInterval) std::swap(left, right);
  if (left.type != Type::kInterval) return std::optional<Typed>();
  if (right.type != Type::kUnknown && !is_number(right.type)) return std::optional<Typed>();
  TRY(coercion.coerce(right, Type::kFloat8));
  Typed scaled = arithmetic(name, Type::kFloat8, left, right, begin);
  scaled.sql = runtime::format("CAST(round({}) AS INTEGER)", scaled.sql);
  scaled.type = Type::kInterval;
  return std::optional(std::move(scaled));
}

runtime::Result<Typed> of_numbers(Coercion& coercion, std::string_view name, Typed left,
                                  Typed right, std::size_t begin) {
  TRY(settle_both(coercion, left, right, Type::kInt4));
  auto common = common_type(left.type, right.type);
  if (!common || !is_number(*common) || *common == Type::kOid) {
    return no_operator(coercion, name, left, right, begin);
  }
  if (name == "^" && *common != Type::kNumeric) common = Type::kFloat8;
  if (name == "%" && *common == Type::kFloat8) {
    return no_operator(coercion, name, left, right, begin);
  }
  TRY(coercion.coerce(left, *common));
  TRY(coercion.coerce(right, *common));
  return arithmetic(name, *common, left, right, begin);
}

runtime::Result<Typed> concatenate(Coercion& coercion, Typed left, Typed right, std::size_t begin) {
  const auto is_textual = [](const Typed& side) {
    return is_string(side.type) || side.type == Type::kUnknown;
  };
  if (is_array(left.type) || is_array(right.type)) {
    return coercion.not_supported("|| of arrays is", begin);
  }
  if (!is_textual(left) && !is_textual(right)) {
    return no_operator(coercion, "||", left, right, begin);
  }
  left = TRY(coercion.cast(std::move(left), Type::kText));
  right = TRY(coercion.cast(std::move(right), Type::kText));
  return made(runtime::format("({} || {})", left.sql, right.sql), Type::kText, begin);
}

runtime::Result<Typed> match(Coercion& coercion, std::string_view name, Typed left, Typed right,
                             std::size_t begin) {
  const Typed was_left = left;
  const Typed was_right = right;
  if (!TRY(coercion.coerce(left, Type::kText)) || !TRY(coercion.coerce(right, Type::kText))) {
    return no_operator(coercion, name, was_left, was_right, begin);
  }
  const bool negated = name.front() == '!';
  const bool ignores_case = name.back() == '*';
  return made(runtime::format("({}pg_match({},{},{}))", negated ? "NOT " : "", left.sql, right.sql,
                              ignores_case ? 1 : 0),
              Type::kBool, begin);
}

}  // namespace

bool is_comparison(std::string_view name) {
  constexpr std::string_view kComparisons[]{"=", "<", ">", "<=", ">=", "<>"};
  return std::find(std::begin(kComparisons), std::end(kComparisons), name) !=
         std::end(kComparisons);
}

runtime::Result<Typed> apply_like(Coercion& coercion, bool ignores_case, Typed left, Typed right,
                                  Typed* escape, std::size_t begin) {
  const Typed was_left = left;
  const Typed was_right = right;
  if (!TRY(coercion.coerce(left, Type::kText)) || !TRY(coercion.coerce(right, Type::kText))) {
    return no_operator(coercion, ignores_case ? "~~*" : "~~", was_left, was_right, begin);
  }
  if (escape != nullptr) TRY(coercion.require(*escape, Type::kText, "ESCAPE"));
  return made(runtime::format("pg_like({},{},{},{})", left.sql, right.sql, ignores_case ? 1 : 0,
                              escape != nullptr ? escape->sql : "'\\'"),
              Type::kBool, begin);
}

runtime::Result<Typed> apply_operator(Coercion& coercion, std::string_view name, Typed left,
                                      Typed right, std::size_t begin) {
  if (is_comparison(name)) {
    return compare(coercion, name, std::move(left), std::move(right), begin);
  }
  if (name == "||") return concatenate(coercion, std::move(left), std::move(right), begin);
  if (name == "~" || name == "~*" || name == "!~" || name == "!~*") {
    return match(coercion, name, std::move(left), std::move(right), begin);
  }
  if (name == "~~" || name == "~~*" || name == "!~~" || name == "!~~*") {
    Typed like = TRY(apply_like(coercion, name.back() == '*', std::move(left), std::move(right),
                                nullptr, begin));
    if (name.front() == '!') like.sql = runtime::format("(NOT {})", like.sql);
    return like;
  }
  if (name.size() == 1 && std::string_view("+-*/%^").find(name[0]) != std::string_view::npos) {
    for (const auto of : {of_positions, of_times, of_scales}) {
      auto result = TRY(of(coercion, name, left, right, begin));
      if (result) return std::move(*result);
    }
    return of_numbers(coercion, name, std::move(left), std::move(right), begin);
  }
  return no_operator(coercion, name, left, right, begin);
}

runtime::Result<Typed> apply_operator(Coercion& coercion, std::string_view name, Typed operand,
                                      std::size_t begin) {
  if (name == "-" || name == "+" || name == "@") {
    if (operand.type == Type::kUnknown) TRY(coercion.coerce(operand, Type::kFloat8));
    const bool interval = operand.type == Type::kInterval && name != "@";
    if (interval || (is_number(operand.type) && operand.type != Type::kOid)) {
      const Typed zero = made("0", operand.type, begin);
      if (name == "+") return operand;
      if (name == "@") return made(runtime::format("abs({})", operand.sql), operand.type, begin);
      Typed negative = arithmetic("-", interval ? Type::kInt8 : operand.type, zero, operand, begin);
      negative.type = operand.type;
      return negative;
    }
  }
  return coercion.error(
      kUndefinedFunction,
      runtime::format("operator does not exist: {} {}", name, info(operand.type).name), begin,
      "No operator matches the given name and argument type. You might need to add an explicit "
      "type cast.");
}

}  // namespace server::console

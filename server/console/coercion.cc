#include "server/console/coercion.h"

#include <array>
#include <charconv>
#include <cmath>
#include <utility>

#include "runtime/check.h"
#include "runtime/format.h"
#include "server/console/errors.h"
#include "server/console/lexer.h"

namespace server::console {

std::string quoted_text(std::string_view text) {
  std::string quoted = "'";
  for (const char c : text.substr(0, text.find('\0'))) quoted.append(c == '\'' ? 2 : 1, c);
  return quoted + '\'';
}

std::string constant(const Value& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return quoted_text(*text);
  if (const auto* real = std::get_if<double>(&value)) {
    if (std::isnan(*real)) return "NULL";
    if (std::isinf(*real)) return *real < 0 ? "-9e999" : "9e999";
    std::array<char, 40> digits;
    const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), *real,
                                            std::chars_format::scientific);
    CHECK(error == std::errc());
    return {digits.data(), end};
  }
  if (const auto* integer = std::get_if<std::int64_t>(&value)) {
    // SQLite reads the least integer as the negation of one that is too large.
    if (*integer == INT64_MIN) return "(-9223372036854775807-1)";
    return runtime::format("{}", *integer);
  }
  return "NULL";
}

runtime::Error Coercion::error(const runtime::ErrorKind& kind, std::string what, std::size_t begin,
                               std::string hint) const {
  return at({.kind = &kind, .what = std::move(what), .hint = std::move(hint)}, text_, begin);
}

runtime::Error Coercion::not_supported(std::string_view what, std::size_t begin) const {
  return error(wire::kFeatureNotSupported,
               runtime::format("{} not supported by walcast's console", what), begin);
}

runtime::Result<Typed> Coercion::parameter(std::size_t number, std::size_t begin) {
  constexpr std::size_t kParametersMax = 1000;
  if (number == 0 || number > kParametersMax) {
    return error(kUndefinedParameter, runtime::format("there is no parameter ${}", number), begin);
  }
  if (parameters_.size() < number) parameters_.resize(number, Type::kUnknown);
  return Typed{.sql = runtime::format("?{}", number),
               .type = parameters_[number - 1],
               .begin = begin,
               .literal = {},
               .parameter = number};
}

runtime::Result<bool> Coercion::coerce(Typed& value, Type to) {
  // A parameter may have got its type elsewhere meanwhile.
  if (value.parameter != 0 && value.type == Type::kUnknown) {
    Type& known = parameters_[value.parameter - 1];
    if (known == Type::kUnknown) known = to;
    value.type = known;
  }
  if (value.type == to) return true;
  if (value.type == Type::kUnknown) {
    if (value.literal) {
      auto read = read_text(to, *value.literal);
      if (!read) return at(std::move(read).error(), text_, value.begin);
      value.sql = constant(*read);
      value.literal.reset();
    }
    value.type = to;
    return true;
  }
  if (!can_cast(value.type, to, CastContext::kImplicit)) return false;
  value = TRY(cast(std::move(value), to));
  return true;
}

runtime::Result<void> Coercion::require(Typed& value, Type to, std::string_view of) {
  const Type had = value.type;
  const std::size_t begin = value.begin;
  if (TRY(coerce(value, to))) return {};
  return error(kDatatypeMismatch,
               runtime::format("argument of {} must be type {}, not type {}", of, info(to).name,
                               info(had).name),
               begin);
}

runtime::Result<Typed> Coercion::cast(Typed value, Type to) {
  if (value.type == Type::kUnknown) {
    TRY(coerce(value, to));
    if (value.type == to) return value;
  }
  if (!can_cast(value.type, to, CastContext::kExplicit)) {
    return error(kCannotCoerce,
                 runtime::format("cannot cast type {} to {}", info(value.type).name, info(to).name),
                 value.begin);
  }
  if (!kept_alike(value.type, to)) {
    value.sql = runtime::format("pg_cast({},{},{})", static_cast<int>(value.type),
                                static_cast<int>(to), value.sql);
  }
  value.type = to;
  value.literal.reset();
  value.parameter = 0;
  return value;
}

runtime::Result<Type> Coercion::type_of(const TypeName& name) const {
  auto type = find_type(std::string_view(name.name));
  if (type && name.array) type = array_of(*type);
  if (type) return *type;
  return error(wire::kUndefinedObject,
               runtime::format("type \"{}{}\" does not exist", name.name, name.array ? "[]" : ""),
               name.begin);
}

runtime::Result<Type> Coercion::unify(std::span<Typed> values, std::string_view of) {
  Type common = Type::kUnknown;
  for (const Typed& value : values) {
    const auto next = common_type(common, value.type);
    if (!next) {
      return error(kDatatypeMismatch,
                   runtime::format("{} types {} and {} cannot be matched", of, info(common).name,
                                   info(value.type).name),
                   value.begin);
    }
    common = *next;
  }
  if (common == Type::kUnknown) common = Type::kText;
  for (Typed& value : values) {
    if (!TRY(coerce(value, common))) value = TRY(cast(std::move(value), common));
  }
  return common;
}

runtime::Result<void> Coercion::settle(Typed& value) {
  if (value.type == Type::kUnknown) TRY(coerce(value, Type::kText));
  return {};
}

}  // namespace server::console

#include "server/console/types.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>

#include "runtime/check.h"
#include "runtime/format.h"
#include "server/console/arrays.h"
#include "server/console/errors.h"
#include "server/console/numbers.h"
#include "server/console/times.h"
#include "server/wire/text.h"

namespace server::console {

namespace {

constexpr std::size_t kTypes = static_cast<std::size_t>(Type::kCount);

// In the order of Type.
constexpr std::array<TypeInfo, kTypes> kInfos{{
    {705, -2, 'X', "unknown", "unknown"},
    {16, 1, 'B', "boolean", "bool"},
    {18, 1, 'Z', "\"char\"", "char"},
    {19, 64, 'S', "name", "name"},
    {21, 2, 'N', "smallint", "int2"},
    {23, 4, 'N', "integer", "int4"},
    {20, 8, 'N', "bigint", "int8"},
    {26, 4, 'N', "oid", "oid"},
    {28, 4, 'U', "xid", "xid"},
    {700, 4, 'N', "real", "float4"},
    {701, 8, 'N', "double precision", "float8"},
    {1700, -1, 'N', "numeric", "numeric"},
    {25, -1, 'S', "text", "text"},
    {1043, -1, 'S', "character varying", "varchar"},
    {1042, -1, 'S', "character", "bpchar"},
    {869, -1, 'I', "inet", "inet"},
    {650, -1, 'I', "cidr", "cidr"},
    {3220, 8, 'U', "pg_lsn", "pg_lsn"},
    {1082, 4, 'D', "date", "date"},
    {1114, 8, 'D', "timestamp without time zone", "timestamp"},
    {1184, 8, 'D', "timestamp with time zone", "timestamptz"},
    {1186, 16, 'T', "interval", "interval"},
    {114, -1, 'U', "json", "json"},
    {2950, 16, 'U', "uuid", "uuid"},
    {2249, -1, 'P', "record", "record"},
    {2278, 4, 'P', "void", "void"},
    {1009, -1, 'A', "text[]", "_text", Type::kText},
    {1003, -1, 'A', "name[]", "_name", Type::kName},
    {1007, -1, 'A', "integer[]", "_int4", Type::kInt4},
    {1016, -1, 'A', "bigint[]", "_int8", Type::kInt8},
    {1028, -1, 'A', "oid[]", "_oid", Type::kOid},
    {1034, -1, 'A', "aclitem[]", "_aclitem", Type::kText},
    {199, -1, 'A', "json[]", "_json", Type::kJson},
}};

struct Alias {
  std::string_view name;
  Type type;
};
constexpr Alias kAliases[]{{"int", Type::kInt4},
                           {"float", Type::kFloat8},
                           {"decimal", Type::kNumeric},
                           {"string", Type::kText},
                           {"timestamp", Type::kTimestamp}};

runtime::Error bad_input(Type type, std::string_view text) {
  return {
      .kind = &kBadText,
      .what = runtime::format("invalid input syntax for type {}: \"{}\"", info(type).name, text)};
}

struct Range {
  std::int64_t least;
  std::int64_t most;
};
Range range_of(Type type) {
  switch (type) {
    case Type::kInt2:
      return {-32'768, 32'767};
    case Type::kInt4:
      return {std::numeric_limits<std::int32_t>::min(), std::numeric_limits<std::int32_t>::max()};
    case Type::kOid:
    case Type::kXid:
      return {0, std::numeric_limits<std::uint32_t>::max()};
    default:
      return {std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max()};
  }
}

runtime::Result<Value> read_integer(Type type, std::string_view text) {
  std::string_view digits = wire::trim(text);
  if (digits.starts_with('+')) digits.remove_prefix(1);
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (digits.empty() || end != digits.data() + digits.size()) return bad_input(type, text);
  Range range = range_of(type);
  // oidin takes what fits into 32 bits, with a sign too.
  if (type == Type::kOid || type == Type::kXid) {
    range.least = std::numeric_limits<std::int32_t>::min();
  }
  if (error == std::errc::result_out_of_range || value < range.least || value > range.most) {
    return runtime::Error{
        .kind = &kOutOfRange,
        .what = runtime::format("value \"{}\" is out of range for type {}", text, info(type).name)};
  }
  if (value < range_of(type).least) value += std::int64_t{1} << 32;
  return Value(value);
}

runtime::Result<Value> read_double(Type type, std::string_view text) {
  std::string_view digits = wire::trim(text);
  if (digits.starts_with('+')) digits.remove_prefix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (digits.empty() || end != digits.data() + digits.size()) return bad_input(type, text);
  if (error == std::errc::result_out_of_range) {
    return runtime::Error{
        .kind = &kOutOfRange,
        .what = runtime::format("\"{}\" is out of range for type {}", text, info(type).name)};
  }
  return Value(value);
}

runtime::Result<Value> read_numeric(std::string_view text) {
  const std::string_view digits = wire::trim(text);
  const bool whole = digits.find_first_not_of("+-0123456789") == std::string_view::npos;
  if (whole && digits.size() <= 18) {
    auto value = read_integer(Type::kInt8, text);
    if (value) return value;
  }
  return read_double(Type::kNumeric, text);
}

runtime::Result<Value> read_array_value(Type type, std::string_view text) {
  ArrayElements elements = TRY(read_array(text));
  for (auto& element : elements) {
    if (!element) continue;
    const Value value = TRY(read_text(info(type).element, *element));
    element = write_text(info(type).element, value);
  }
  return Value(write_array(elements));
}

std::string write_double(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value < 0 ? "-Infinity" : "Infinity";
  std::array<char, 32> text;
  const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), value);
  CHECK(error == std::errc());
  return {text.data(), end};
}

}  // namespace

const TypeInfo& info(Type type) { return kInfos.at(static_cast<std::size_t>(type)); }

std::optional<Type> find_type(std::uint32_t oid) {
  for (std::size_t i = 0; i < kTypes; ++i) {
    if (kInfos[i].oid == oid) return static_cast<Type>(i);
  }
  return std::nullopt;
}

std::optional<Type> find_type(std::string_view name) {
  for (const Alias& alias : kAliases) {
    if (alias.name == name) return alias.type;
  }
  for (std::size_t i = 0; i < kTypes; ++i) {
    if (kInfos[i].name == name || kInfos[i].catalog_name == name) return static_cast<Type>(i);
  }
  return std::nullopt;
}

std::optional<Type> array_of(Type element) {
  if (element == Type::kVarchar || element == Type::kUnknown) element = Type::kText;
  for (std::size_t i = 0; i < kTypes; ++i) {
    if (kInfos[i].category == 'A' && kInfos[i].element == element) return static_cast<Type>(i);
  }
  return std::nullopt;
}

runtime::Result<Value> read_text(Type type, std::string_view text) {
  switch (type) {
    case Type::kBool: {
      const auto flag = wire::parse_bool(wire::trim(text));
      if (!flag) return bad_input(type, text);
      return Value(std::int64_t{*flag});
    }
    case Type::kInt2:
    case Type::kInt4:
    case Type::kInt8:
    case Type::kOid:
    case Type::kXid:
      return read_integer(type, text);
    case Type::kFloat4:
    case Type::kFloat8:
      return read_double(type, text);
    case Type::kNumeric:
      return read_numeric(text);
    case Type::kLsn: {
      const auto lsn = wal::parse_lsn(text);
      if (!lsn) return bad_input(type, text);
      return Value(stored(*lsn));
    }
    case Type::kDate: {
      const std::int64_t micros = TRY(read_timestamp("date", text, 0));
      return Value(micros / kMicrosPerDay - (micros % kMicrosPerDay < 0 ? 1 : 0));
    }
    case Type::kTimestamp:
    case Type::kTimestamptz:
      return Value(TRY(
          read_timestamp(info(type).name, text, to_timestamp(runtime::SystemClock().wall_now()))));
    case Type::kInterval:
      return Value(TRY(read_interval(text)));
    case Type::kInet:
    case Type::kCidr: {
      auto address = read_inet(text);
      if (!address) return bad_input(type, text);
      return Value(std::move(*address));
    }
    case Type::kChar:
      return Value(std::string(text.substr(0, 1)));
    case Type::kName:
      return Value(std::string(text.substr(0, 63)));
    default:
      if (is_array(type)) return read_array_value(type, text);
      return Value(std::string(text));
  }
}

std::string write_text(Type type, const Value& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  if (const auto* real = std::get_if<double>(&value)) {
    if (type == Type::kNumeric) return write_numeric(*real);
    if (type == Type::kFloat4) return runtime::format("{}", static_cast<float>(*real));
    return write_double(*real);
  }
  const std::int64_t integer = std::get<std::int64_t>(value);
  switch (type) {
    case Type::kBool:
      return integer != 0 ? "t" : "f";
    case Type::kLsn:
      return wal::to_string(lsn_of(integer));
    case Type::kDate:
      return write_date(integer);
    case Type::kTimestamp:
    case Type::kTimestamptz:
      return write_timestamp(integer, type == Type::kTimestamptz);
    case Type::kInterval:
      return write_interval(integer);
    default:
      return runtime::format("{}", integer);
  }
}

}  // namespace server::console

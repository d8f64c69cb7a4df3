#include "server/console/binary.h"

#include <bit>
#include <cstddef>
#include <span>

#include "runtime/check.h"
#include "runtime/format.h"
#include "server/console/arrays.h"
#include "server/console/errors.h"
#include "server/console/numbers.h"
#include "server/console/times.h"
#include "server/console/types.h"
#include "server/wire/codec.h"

namespace server::console {

namespace {

template <typename T>
std::string big_endian_bytes(T value) {
  std::string bytes(sizeof(T), '\0');
  wire::store_big_endian(reinterpret_cast<std::byte*>(bytes.data()), value);
  return bytes;
}

std::string u16(std::int64_t value) { return big_endian_bytes(static_cast<std::uint16_t>(value)); }
std::string u32(std::int64_t value) { return big_endian_bytes(static_cast<std::uint32_t>(value)); }
std::string u64(std::int64_t value) { return big_endian_bytes(static_cast<std::uint64_t>(value)); }

double as_double(const Value& value) {
  if (const auto* integer = std::get_if<std::int64_t>(&value)) return static_cast<double>(*integer);
  return std::get<double>(value);
}

// array_send: one dimension from 1 on.
std::string write_array_binary(Type type, const std::string& text) {
  const auto elements = read_array(text);
  CHECK(elements.has_value());
  const Type element = info(type).element;
  bool has_null = false;
  for (const auto& one : *elements) has_null = has_null || !one;
  std::string bytes =
      u32(elements->empty() ? 0 : 1) + u32(has_null ? 1 : 0) + u32(info(element).oid);
  if (elements->empty()) return bytes;
  bytes += u32(static_cast<std::int64_t>(elements->size())) + u32(1);
  for (const auto& one : *elements) {
    if (!one) {
      bytes += u32(-1);
      continue;
    }
    const auto value = read_text(element, *one);
    CHECK(value.has_value());
    const std::string written = write_binary(element, *value);
    bytes += u32(static_cast<std::int64_t>(written.size())) + written;
  }
  return bytes;
}

runtime::Error bad_binary(std::string_view what) {
  return {.kind = &kBadBinary, .what = std::string(what)};
}

runtime::Result<Value> read_array_binary(Type type, wire::ByteReader& reader) {
  const auto dimensions = TRY(reader.integer<std::uint32_t>());
  TRY(reader.integer<std::uint32_t>());  // whether there are nulls
  const auto element = find_type(TRY(reader.integer<std::uint32_t>()));
  if (dimensions > 1 || !element) {
    return runtime::Error{.kind = &wire::kFeatureNotSupported,
                          .what = "arrays of that kind are not supported here"};
  }
  ArrayElements elements;
  if (dimensions == 1) {
    const auto count = TRY(reader.integer<std::uint32_t>());
    TRY(reader.integer<std::uint32_t>());  // the lower bound
    if (count > reader.rest().size() / 4) return bad_binary("invalid number of array elements");
    for (std::uint32_t i = 0; i < count; ++i) {
      const auto size = TRY(reader.integer<std::uint32_t>());
      if (size == ~std::uint32_t{0}) {
        elements.emplace_back();
        continue;
      }
      const auto bytes = TRY(reader.bytes(size));
      const Value value =
          TRY(read_binary(*element, {reinterpret_cast<const char*>(bytes.data()), bytes.size()}));
      elements.emplace_back(write_text(*element, value));
    }
  }
  return read_text(type, write_array(elements));
}

runtime::Result<Value> read_interval_binary(wire::ByteReader& reader) {
  const auto micros = static_cast<std::int64_t>(TRY(reader.integer<std::uint64_t>()));
  const auto days = static_cast<std::int32_t>(TRY(reader.integer<std::uint32_t>()));
  const auto months = static_cast<std::int32_t>(TRY(reader.integer<std::uint32_t>()));
  std::int64_t sum = 0;
  const std::int64_t all_days = std::int64_t{months} * 30 + days;
  if (__builtin_mul_overflow(all_days, kMicrosPerDay, &sum) ||
      __builtin_add_overflow(sum, micros, &sum)) {
    return runtime::Error{.kind = &kDatetimeOverflow, .what = "interval out of range"};
  }
  return Value(sum);
}

runtime::Result<Value> read_scalar(Type type, wire::ByteReader& reader, std::string_view bytes) {
  switch (type) {
    case Type::kBool:
      return Value(std::int64_t{TRY(reader.byte()) != 0});
    case Type::kInt2:
      return Value(std::int64_t{static_cast<std::int16_t>(TRY(reader.integer<std::uint16_t>()))});
    case Type::kInt4:
    case Type::kDate:
      return Value(std::int64_t{static_cast<std::int32_t>(TRY(reader.integer<std::uint32_t>()))});
    case Type::kOid:
    case Type::kXid:
      return Value(std::int64_t{TRY(reader.integer<std::uint32_t>())});
    case Type::kInt8:
    case Type::kTimestamp:
    case Type::kTimestamptz:
      return Value(static_cast<std::int64_t>(TRY(reader.integer<std::uint64_t>())));
    case Type::kLsn:
      return Value(stored(wal::Lsn(TRY(reader.integer<std::uint64_t>()))));
    case Type::kFloat4:
      return Value(double{std::bit_cast<float>(TRY(reader.integer<std::uint32_t>()))});
    case Type::kFloat8:
      return Value(std::bit_cast<double>(TRY(reader.integer<std::uint64_t>())));
    case Type::kInterval:
      return read_interval_binary(reader);
    case Type::kNumeric:
      TRY(reader.bytes(bytes.size()));
      return read_text(type, TRY(numeric_from_binary(bytes)));
    case Type::kInet:
    case Type::kCidr:
      TRY(reader.bytes(bytes.size()));
      return Value(TRY(inet_from_binary(bytes)));
    default:
      if (is_array(type)) return read_array_binary(type, reader);
      TRY(reader.bytes(bytes.size()));
      return read_text(type, bytes);
  }
}

}  // namespace

bool has_binary(Type type) { return type != Type::kUuid && type != Type::kAclitemArray; }

runtime::Result<Value> read_binary(Type type, std::string_view bytes) {
  if (!has_binary(type)) {
    return runtime::Error{
        .kind = &kUndefinedFunction,
        .what = runtime::format("no binary input function available for type {}", info(type).name)};
  }
  wire::ByteReader reader(std::as_bytes(std::span(bytes)));
  Value value = TRY(read_scalar(type, reader, bytes));
  if (!reader.rest().empty()) return bad_binary("incorrect binary data format");
  return value;
}

std::string write_binary(Type type, const Value& value) {
  switch (type) {
    case Type::kBool:
      return {static_cast<char>(std::get<std::int64_t>(value) != 0 ? 1 : 0)};
    case Type::kInt2:
      return u16(std::get<std::int64_t>(value));
    case Type::kInt4:
    case Type::kOid:
    case Type::kXid:
    case Type::kDate:
      return u32(std::get<std::int64_t>(value));
    case Type::kInt8:
    case Type::kTimestamp:
    case Type::kTimestamptz:
      return u64(std::get<std::int64_t>(value));
    case Type::kLsn:
      return big_endian_bytes(lsn_of(std::get<std::int64_t>(value)).value());
    case Type::kFloat4:
      return big_endian_bytes(std::bit_cast<std::uint32_t>(static_cast<float>(as_double(value))));
    case Type::kFloat8:
      return big_endian_bytes(std::bit_cast<std::uint64_t>(as_double(value)));
    case Type::kInterval: {
      const std::int64_t micros = std::get<std::int64_t>(value);
      return u64(micros % kMicrosPerDay) + u32(micros / kMicrosPerDay) + u32(0);
    }
    case Type::kNumeric:
      return numeric_to_binary(write_text(type, value));
    case Type::kInet:
    case Type::kCidr:
      return inet_to_binary(std::get<std::string>(value), type == Type::kCidr);
    default:
      if (is_array(type)) return write_array_binary(type, std::get<std::string>(value));
      return write_text(type, value);
  }
}

}  // namespace server::console

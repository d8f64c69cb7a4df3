#pragma once

// PostgreSQL's types, as far as answers and parameters have them (pg_type.dat), and their values in
// text (the functions xxxin and xxxout of src/backend/utils/adt).

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/result.h"
#include "server/console/value.h"
#include "server/wal/lsn.h"

namespace server::console {

enum class Type : std::uint8_t {
  kUnknown,  // a literal or parameter whose place has not decided yet; kept as text
  kBool,     // 0 or 1
  kChar,     // "char": a byte as text
  kName,     // text
  kInt2,
  kInt4,
  kInt8,
  kOid,
  kXid,
  kFloat4,
  kFloat8,
  kNumeric,  // an integer, or a double where that does not do
  kText,
  kVarchar,
  kBpchar,
  kInet,  // text, as inet_out writes it
  kCidr,
  kLsn,        // its bits with the highest one flipped, so that it sorts as a signed integer
  kDate,       // days since 2000-01-01
  kTimestamp,  // microseconds since 2000-01-01 (Timestamp); the zone is UTC
  kTimestamptz,
  kInterval,   // microseconds; a day has 24 hours, a month 30 days
  kJson,       // text
  kUuid,       // text
  kRecord,     // text
  kVoid,       // an empty text
  kTextArray,  // text, as array_out writes it
  kNameArray,
  kInt4Array,
  kInt8Array,
  kOidArray,
  kAclitemArray,
  kJsonArray,
  kCount,  // no type
};

// One letter as pg_type.typcategory has it.
struct TypeInfo {
  std::uint32_t oid;
  std::int16_t bytes;             // typlen
  char category;                  // N number, S string, D time, T interval, B bool, ...
  std::string_view name;          // format_type()
  std::string_view catalog_name;  // pg_type.typname
  Type element = Type::kUnknown;  // of an array
};
const TypeInfo& info(Type type);
inline bool is_array(Type type) { return info(type).category == 'A'; }
inline bool is_number(Type type) { return info(type).category == 'N'; }
inline bool is_string(Type type) { return info(type).category == 'S'; }
// The type of an OID; none if the console has no such type.
std::optional<Type> find_type(std::uint32_t oid);
// By any of its names, in lower case: "int8", "bigint", "timestamp with time zone".
std::optional<Type> find_type(std::string_view name);
// The array whose elements are of that type, or none.
std::optional<Type> array_of(Type element);

inline std::int64_t stored(wal::Lsn lsn) {
  return static_cast<std::int64_t>(lsn.value() ^ (std::uint64_t{1} << 63));
}
inline wal::Lsn lsn_of(std::int64_t value) {
  return wal::Lsn(static_cast<std::uint64_t>(value) ^ (std::uint64_t{1} << 63));
}

// The value that a text stands for, with PostgreSQL's errors (22P02 and its like).
runtime::Result<Value> read_text(Type type, std::string_view text);
// REQUIRES: the value is not null, and of that type.
std::string write_text(Type type, const Value& value);

}  // namespace server::console

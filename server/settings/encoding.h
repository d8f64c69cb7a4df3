#pragma once

// PostgreSQL's character sets and their names (src/common/encnames.c).

#include <optional>
#include <string_view>

namespace server::settings {

// A character set, in the order of pg_enc (pg_wchar.h).
enum class Encoding {
  kSqlAscii,
  kEucJp,
  kEucCn,
  kEucKr,
  kEucTw,
  kEucJis2004,
  kUtf8,
  kMuleInternal,
  kLatin1,
  kLatin2,
  kLatin3,
  kLatin4,
  kLatin5,
  kLatin6,
  kLatin7,
  kLatin8,
  kLatin9,
  kLatin10,
  kWin1256,
  kWin1258,
  kWin866,
  kWin874,
  kKoi8r,
  kWin1251,
  kWin1252,
  kIso88595,
  kIso88596,
  kIso88597,
  kIso88598,
  kWin1250,
  kWin1253,
  kWin1254,
  kWin1255,
  kWin1257,
  kKoi8u,
  kSjis,
  kBig5,
  kGbk,
  kUhc,
  kGb18030,
  kJohab,
  kShiftJis2004
};

// The last encoding that a database may have; the later ones are for clients only
// (PG_ENCODING_BE_LAST).
inline constexpr Encoding kServerEncodingLast = Encoding::kKoi8u;

// The encoding that `text` calls by any of its names, in any case and with or without punctuation.
std::optional<Encoding> find_encoding(std::string_view text);

// The canonical name, as SHOW shows it.
std::string_view name_of(Encoding encoding);

}  // namespace server::settings

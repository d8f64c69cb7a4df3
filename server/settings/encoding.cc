#include "server/settings/encoding.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>

#include "server/wire/text.h"

namespace server::settings {

namespace {

// The canonical names (pg_enc2name_tbl), by Encoding.
constexpr std::array<std::string_view, 42> kNames{
    "SQL_ASCII", "EUC_JP",        "EUC_CN",     "EUC_KR",     "EUC_TW",     "EUC_JIS_2004",
    "UTF8",      "MULE_INTERNAL", "LATIN1",     "LATIN2",     "LATIN3",     "LATIN4",
    "LATIN5",    "LATIN6",        "LATIN7",     "LATIN8",     "LATIN9",     "LATIN10",
    "WIN1256",   "WIN1258",       "WIN866",     "WIN874",     "KOI8R",      "WIN1251",
    "WIN1252",   "ISO_8859_5",    "ISO_8859_6", "ISO_8859_7", "ISO_8859_8", "WIN1250",
    "WIN1253",   "WIN1254",       "WIN1255",    "WIN1257",    "KOI8U",      "SJIS",
    "BIG5",      "GBK",           "UHC",        "GB18030",    "JOHAB",      "SHIFT_JIS_2004"};
static_assert(kNames[static_cast<std::size_t>(Encoding::kShiftJis2004)] == "SHIFT_JIS_2004");

// One of the names that a client may give an encoding (pg_encname_tbl).
struct EncodingName {
  std::string_view key;  // in lower case, letters and digits only
  Encoding encoding;
};

// By key.
constexpr std::array kEncodings{
    EncodingName{"abc", Encoding::kWin1258},
    EncodingName{"alt", Encoding::kWin866},
    EncodingName{"big5", Encoding::kBig5},
    EncodingName{"euccn", Encoding::kEucCn},
    EncodingName{"eucjis2004", Encoding::kEucJis2004},
    EncodingName{"eucjp", Encoding::kEucJp},
    EncodingName{"euckr", Encoding::kEucKr},
    EncodingName{"euctw", Encoding::kEucTw},
    EncodingName{"gb18030", Encoding::kGb18030},
    EncodingName{"gbk", Encoding::kGbk},
    EncodingName{"iso88591", Encoding::kLatin1},
    EncodingName{"iso885910", Encoding::kLatin6},
    EncodingName{"iso885913", Encoding::kLatin7},
    EncodingName{"iso885914", Encoding::kLatin8},
    EncodingName{"iso885915", Encoding::kLatin9},
    EncodingName{"iso885916", Encoding::kLatin10},
    EncodingName{"iso88592", Encoding::kLatin2},
    EncodingName{"iso88593", Encoding::kLatin3},
    EncodingName{"iso88594", Encoding::kLatin4},
    EncodingName{"iso88595", Encoding::kIso88595},
    EncodingName{"iso88596", Encoding::kIso88596},
    EncodingName{"iso88597", Encoding::kIso88597},
    EncodingName{"iso88598", Encoding::kIso88598},
    EncodingName{"iso88599", Encoding::kLatin5},
    EncodingName{"johab", Encoding::kJohab},
    EncodingName{"koi8", Encoding::kKoi8r},
    EncodingName{"koi8r", Encoding::kKoi8r},
    EncodingName{"koi8u", Encoding::kKoi8u},
    EncodingName{"latin1", Encoding::kLatin1},
    EncodingName{"latin10", Encoding::kLatin10},
    EncodingName{"latin2", Encoding::kLatin2},
    EncodingName{"latin3", Encoding::kLatin3},
    EncodingName{"latin4", Encoding::kLatin4},
    EncodingName{"latin5", Encoding::kLatin5},
    EncodingName{"latin6", Encoding::kLatin6},
    EncodingName{"latin7", Encoding::kLatin7},
    EncodingName{"latin8", Encoding::kLatin8},
    EncodingName{"latin9", Encoding::kLatin9},
    EncodingName{"mskanji", Encoding::kSjis},
    EncodingName{"muleinternal", Encoding::kMuleInternal},
    EncodingName{"shiftjis", Encoding::kSjis},
    EncodingName{"shiftjis2004", Encoding::kShiftJis2004},
    EncodingName{"sjis", Encoding::kSjis},
    EncodingName{"sqlascii", Encoding::kSqlAscii},
    EncodingName{"tcvn", Encoding::kWin1258},
    EncodingName{"tcvn5712", Encoding::kWin1258},
    EncodingName{"uhc", Encoding::kUhc},
    EncodingName{"unicode", Encoding::kUtf8},
    EncodingName{"utf8", Encoding::kUtf8},
    EncodingName{"vscii", Encoding::kWin1258},
    EncodingName{"win", Encoding::kWin1251},
    EncodingName{"win1250", Encoding::kWin1250},
    EncodingName{"win1251", Encoding::kWin1251},
    EncodingName{"win1252", Encoding::kWin1252},
    EncodingName{"win1253", Encoding::kWin1253},
    EncodingName{"win1254", Encoding::kWin1254},
    EncodingName{"win1255", Encoding::kWin1255},
    EncodingName{"win1256", Encoding::kWin1256},
    EncodingName{"win1257", Encoding::kWin1257},
    EncodingName{"win1258", Encoding::kWin1258},
    EncodingName{"win866", Encoding::kWin866},
    EncodingName{"win874", Encoding::kWin874},
    EncodingName{"win932", Encoding::kSjis},
    EncodingName{"win936", Encoding::kGbk},
    EncodingName{"win949", Encoding::kUhc},
    EncodingName{"win950", Encoding::kBig5},
    EncodingName{"windows1250", Encoding::kWin1250},
    EncodingName{"windows1251", Encoding::kWin1251},
    EncodingName{"windows1252", Encoding::kWin1252},
    EncodingName{"windows1253", Encoding::kWin1253},
    EncodingName{"windows1254", Encoding::kWin1254},
    EncodingName{"windows1255", Encoding::kWin1255},
    EncodingName{"windows1256", Encoding::kWin1256},
    EncodingName{"windows1257", Encoding::kWin1257},
    EncodingName{"windows1258", Encoding::kWin1258},
    EncodingName{"windows866", Encoding::kWin866},
    EncodingName{"windows874", Encoding::kWin874},
    EncodingName{"windows932", Encoding::kSjis},
    EncodingName{"windows936", Encoding::kGbk},
    EncodingName{"windows949", Encoding::kUhc},
    EncodingName{"windows950", Encoding::kBig5},
};

constexpr bool by_key(const EncodingName& a, const EncodingName& b) { return a.key < b.key; }
static_assert(std::is_sorted(kEncodings.begin(), kEncodings.end(), by_key));

}  // namespace

std::optional<Encoding> find_encoding(std::string_view text) {
  std::string key;
  for (const char c : text) {
    const char small = wire::lower(c);
    if ((small >= 'a' && small <= 'z') || (c >= '0' && c <= '9')) key += small;
  }
  const auto found = std::lower_bound(
      kEncodings.begin(), kEncodings.end(), std::string_view(key),
      [](const EncodingName& row, std::string_view sought) { return row.key < sought; });
  if (found == kEncodings.end() || found->key != key) return std::nullopt;
  return found->encoding;
}

std::string_view name_of(Encoding encoding) { return kNames[static_cast<std::size_t>(encoding)]; }

}  // namespace server::settings

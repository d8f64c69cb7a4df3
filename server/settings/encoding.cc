#include "server/settings/encoding.h"

#include <algorithm>
#include <array>
#include <string>

namespace server::settings {

namespace {

struct EncodingName {
  std::string_view key;  // lower case, letters and digits only
  std::string_view name;
};

// By key.
constexpr std::array kEncodings{
    EncodingName{"abc", "WIN1258"},
    EncodingName{"alt", "WIN866"},
    EncodingName{"big5", "BIG5"},
    EncodingName{"euccn", "EUC_CN"},
    EncodingName{"eucjis2004", "EUC_JIS_2004"},
    EncodingName{"eucjp", "EUC_JP"},
    EncodingName{"euckr", "EUC_KR"},
    EncodingName{"euctw", "EUC_TW"},
    EncodingName{"gb18030", "GB18030"},
    EncodingName{"gbk", "GBK"},
    EncodingName{"iso88591", "LATIN1"},
    EncodingName{"iso885910", "LATIN6"},
    EncodingName{"iso885913", "LATIN7"},
    EncodingName{"iso885914", "LATIN8"},
    EncodingName{"iso885915", "LATIN9"},
    EncodingName{"iso885916", "LATIN10"},
    EncodingName{"iso88592", "LATIN2"},
    EncodingName{"iso88593", "LATIN3"},
    EncodingName{"iso88594", "LATIN4"},
    EncodingName{"iso88595", "ISO_8859_5"},
    EncodingName{"iso88596", "ISO_8859_6"},
    EncodingName{"iso88597", "ISO_8859_7"},
    EncodingName{"iso88598", "ISO_8859_8"},
    EncodingName{"iso88599", "LATIN5"},
    EncodingName{"johab", "JOHAB"},
    EncodingName{"koi8", "KOI8R"},
    EncodingName{"koi8r", "KOI8R"},
    EncodingName{"koi8u", "KOI8U"},
    EncodingName{"latin1", "LATIN1"},
    EncodingName{"latin10", "LATIN10"},
    EncodingName{"latin2", "LATIN2"},
    EncodingName{"latin3", "LATIN3"},
    EncodingName{"latin4", "LATIN4"},
    EncodingName{"latin5", "LATIN5"},
    EncodingName{"latin6", "LATIN6"},
    EncodingName{"latin7", "LATIN7"},
    EncodingName{"latin8", "LATIN8"},
    EncodingName{"latin9", "LATIN9"},
    EncodingName{"mskanji", "SJIS"},
    EncodingName{"muleinternal", "MULE_INTERNAL"},
    EncodingName{"shiftjis", "SJIS"},
    EncodingName{"shiftjis2004", "SHIFT_JIS_2004"},
    EncodingName{"sjis", "SJIS"},
    EncodingName{"sqlascii", "SQL_ASCII"},
    EncodingName{"tcvn", "WIN1258"},
    EncodingName{"tcvn5712", "WIN1258"},
    EncodingName{"uhc", "UHC"},
    EncodingName{"unicode", "UTF8"},
    EncodingName{"utf8", "UTF8"},
    EncodingName{"vscii", "WIN1258"},
    EncodingName{"win", "WIN1251"},
    EncodingName{"win1250", "WIN1250"},
    EncodingName{"win1251", "WIN1251"},
    EncodingName{"win1252", "WIN1252"},
    EncodingName{"win1253", "WIN1253"},
    EncodingName{"win1254", "WIN1254"},
    EncodingName{"win1255", "WIN1255"},
    EncodingName{"win1256", "WIN1256"},
    EncodingName{"win1257", "WIN1257"},
    EncodingName{"win1258", "WIN1258"},
    EncodingName{"win866", "WIN866"},
    EncodingName{"win874", "WIN874"},
    EncodingName{"win932", "SJIS"},
    EncodingName{"win936", "GBK"},
    EncodingName{"win949", "UHC"},
    EncodingName{"win950", "BIG5"},
    EncodingName{"windows1250", "WIN1250"},
    EncodingName{"windows1251", "WIN1251"},
    EncodingName{"windows1252", "WIN1252"},
    EncodingName{"windows1253", "WIN1253"},
    EncodingName{"windows1254", "WIN1254"},
    EncodingName{"windows1255", "WIN1255"},
    EncodingName{"windows1256", "WIN1256"},
    EncodingName{"windows1257", "WIN1257"},
    EncodingName{"windows1258", "WIN1258"},
    EncodingName{"windows866", "WIN866"},
    EncodingName{"windows874", "WIN874"},
    EncodingName{"windows932", "SJIS"},
    EncodingName{"windows936", "GBK"},
    EncodingName{"windows949", "UHC"},
    EncodingName{"windows950", "BIG5"},
};

constexpr bool by_key(const EncodingName& a, const EncodingName& b) { return a.key < b.key; }
static_assert(std::is_sorted(kEncodings.begin(), kEncodings.end(), by_key));

}  // namespace

std::string_view find_encoding(std::string_view text) {
  std::string key;
  for (const char c : text) {
    if (c >= 'A' && c <= 'Z') {
      key += static_cast<char>(c | 0x20);
    } else if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) {
      key += c;
    }
  }
  const auto found =
      std::lower_bound(kEncodings.begin(), kEncodings.end(), EncodingName{key, {}}, by_key);
  if (found == kEncodings.end() || found->key != key) return {};
  // The only one that PostgreSQL still reports by its older name, if it was called exactly that.
  return text == "UNICODE" ? text : found->name;
}

}  // namespace server::settings

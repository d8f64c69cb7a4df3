#include "server/session/client_text.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "runtime/format.h"
#include "server/wire/errors.h"

namespace server::session {

namespace {

using settings::Encoding;
using Bytes = std::span<const std::uint8_t>;

// An encoding in which not every byte is a character.
struct MultiByteEncoding {
  settings::Encoding encoding;
  std::size_t (*size_of)(Bytes text);  // of its first character, whether it is whole or not
  bool (*is_valid)(Bytes character);   // REQUIRES: it is whole
};

constexpr std::uint8_t kSingleShift2 = 0x8E;
constexpr std::uint8_t kSingleShift3 = 0x8F;

bool within(std::uint8_t byte, int least, int most) { return byte >= least && byte <= most; }
bool in_euc(std::uint8_t byte) { return within(byte, 0xA1, 0xFE); }
bool is_ascii(std::uint8_t byte) { return byte < 0x80; }

std::size_t utf8_size(Bytes text) {
  if (within(text[0], 0xC0, 0xDF)) return 2;
  if (within(text[0], 0xE0, 0xEF)) return 3;
  return within(text[0], 0xF0, 0xF7) ? 4 : 1;
}

// No overlong form, no surrogate, nothing beyond U+10FFFF (pg_utf8_islegal).
bool is_utf8(Bytes c) {
  if (c.size() == 1) return is_ascii(c[0]);
  if (c[0] < 0xC2 || c[0] > 0xF4) return false;
  const int least = c[0] == 0xE0 ? 0xA0 : c[0] == 0xF0 ? 0x90 : 0x80;
  const int most = c[0] == 0xED ? 0x9F : c[0] == 0xF4 ? 0x8F : 0xBF;
  return within(c[1], least, most) &&
         std::all_of(c.begin() + 2, c.end(), [](auto byte) { return within(byte, 0x80, 0xBF); });
}

std::size_t one_or_two(Bytes text) { return is_ascii(text[0]) ? 1 : 2; }

std::size_t euc_size(Bytes text) { return text[0] == kSingleShift3 ? 3 : one_or_two(text); }

bool is_euc_jp(Bytes c) {
  if (c[0] == kSingleShift2) return within(c[1], 0xA1, 0xDF);
  return c.size() == 1 || std::all_of(c.begin() + (c.size() == 3), c.end(), in_euc);
}

std::size_t euc_cn_size(Bytes text) { return text[0] == kSingleShift2 ? 3 : euc_size(text); }

bool is_euc_of_two(Bytes c) { return c.size() == 1 || (in_euc(c[0]) && in_euc(c[1])); }

std::size_t euc_tw_size(Bytes text) { return text[0] == kSingleShift2 ? 4 : euc_size(text); }

bool is_euc_tw(Bytes c) {
  if (c.size() == 4) return within(c[1], 0xA1, 0xA7) && in_euc(c[2]) && in_euc(c[3]);
  return c.size() == 1 || (c.size() == 2 && in_euc(c[1]));
}

std::size_t mule_size(Bytes text) {
  if (within(text[0], 0x81, 0x8D)) return 2;
  if (within(text[0], 0x90, 0x9B)) return 3;
  return within(text[0], 0x9C, 0x9D) ? 4 : 1;
}

bool is_mule(Bytes c) { return std::none_of(c.begin() + 1, c.end(), is_ascii); }

std::size_t sjis_size(Bytes text) { return within(text[0], 0xA1, 0xDF) ? 1 : one_or_two(text); }

bool is_sjis(Bytes c) {
  if (c.size() == 1) return true;
  return (within(c[0], 0x81, 0x9F) || within(c[0], 0xE0, 0xFC)) &&
         (within(c[1], 0x40, 0x7E) || within(c[1], 0x80, 0xFC));
}

// Any second byte will do, but for the pair that PostgreSQL itself marks bad text with.
bool is_pair(Bytes c) { return c.size() == 1 || !(c[0] == 0x8D && c[1] == ' '); }

bool is_johab(Bytes c) { return std::all_of(c.begin() + 1, c.end(), in_euc); }

std::size_t gb18030_size(Bytes text) {
  return one_or_two(text) == 2 && text.size() > 1 && within(text[1], '0', '9') ? 4
                                                                               : one_or_two(text);
}

bool is_gb18030(Bytes c) {
  if (c.size() == 1) return true;
  if (!within(c[0], 0x81, 0xFE)) return false;
  if (c.size() == 4) return within(c[2], 0x81, 0xFE) && within(c[3], '0', '9');
  return within(c[1], 0x40, 0x7E) || within(c[1], 0x80, 0xFE);
}

constexpr std::array kMultiByte{
    MultiByteEncoding{Encoding::kUtf8, utf8_size, is_utf8},
    MultiByteEncoding{Encoding::kEucJp, euc_size, is_euc_jp},
    MultiByteEncoding{Encoding::kEucCn, euc_cn_size, is_euc_of_two},
    MultiByteEncoding{Encoding::kEucKr, euc_size, is_euc_of_two},
    MultiByteEncoding{Encoding::kEucTw, euc_tw_size, is_euc_tw},
    MultiByteEncoding{Encoding::kEucJis2004, euc_size, is_euc_jp},
    MultiByteEncoding{Encoding::kMuleInternal, mule_size, is_mule},
    MultiByteEncoding{Encoding::kSjis, sjis_size, is_sjis},
    MultiByteEncoding{Encoding::kShiftJis2004, sjis_size, is_sjis},
    MultiByteEncoding{Encoding::kBig5, one_or_two, is_pair},
    MultiByteEncoding{Encoding::kGbk, one_or_two, is_pair},
    MultiByteEncoding{Encoding::kUhc, one_or_two, is_pair},
    MultiByteEncoding{Encoding::kJohab, euc_size, is_johab},
    MultiByteEncoding{Encoding::kGb18030, gb18030_size, is_gb18030},
};

// Null for an encoding in which any byte is a character.
const MultiByteEncoding* find_multi_byte(Encoding encoding) {
  const auto found =
      std::find_if(kMultiByte.begin(), kMultiByte.end(),
                   [&](const MultiByteEncoding& e) { return e.encoding == encoding; });
  return found == kMultiByte.end() ? nullptr : &*found;
}

Bytes as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

runtime::Error invalid_text(std::string what) {
  return {.kind = &wire::kCharacterNotInRepertoire, .what = std::move(what)};
}

runtime::Result<void> check_characters(const MultiByteEncoding& encoding, Bytes text) {
  while (!text.empty()) {
    const std::size_t size = encoding.size_of(text);
    if (size > text.size() || !encoding.is_valid(text.first(size))) {
      std::string what = runtime::format("invalid byte sequence for encoding \"{}\":",
                                         settings::name_of(encoding.encoding));
      for (const auto byte : text.first(std::min(size, text.size()))) {
        what += runtime::format(" 0x{:02x}", byte);
      }
      return invalid_text(std::move(what));
    }
    text = text.subspan(size);
  }
  return {};
}

}  // namespace

runtime::Result<void> check_received_text(Encoding encoding, std::string_view text) {
  if (encoding <= settings::kServerEncodingLast) return check_sent_text(encoding, text);
  const Bytes bytes = as_bytes(text);
  const auto wrong = std::find_if_not(bytes.begin(), bytes.end(), is_ascii);
  if (wrong == bytes.end()) return {};
  return invalid_text(
      runtime::format("invalid byte value for encoding \"SQL_ASCII\": 0x{:02x}", *wrong));
}

runtime::Result<void> check_sent_text(Encoding encoding, std::string_view text) {
  const MultiByteEncoding* found = find_multi_byte(encoding);
  if (found == nullptr) return {};
  return check_characters(*found, as_bytes(text));
}

}  // namespace server::session

#include "server/command/client_text.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "runtime/format.h"
#include "server/wire/errors.h"

namespace server::command {

namespace {

using Bytes = std::span<const std::uint8_t>;

// An encoding that a server can have too, and in which not every byte is a character.
struct MultiByteEncoding {
  std::string_view name;
  std::size_t (*size_of)(std::uint8_t first);  // of a character
  bool (*is_valid)(Bytes character);           // REQUIRES: it is whole
};

constexpr std::uint8_t kSingleShift2 = 0x8E;
constexpr std::uint8_t kSingleShift3 = 0x8F;

bool within(std::uint8_t byte, int least, int most) { return byte >= least && byte <= most; }
bool in_euc(std::uint8_t byte) { return within(byte, 0xA1, 0xFE); }
bool is_ascii(std::uint8_t byte) { return byte < 0x80; }

std::size_t utf8_size(std::uint8_t first) {
  return within(first, 0xC0, 0xDF)   ? 2
         : within(first, 0xE0, 0xEF) ? 3
         : within(first, 0xF0, 0xF7) ? 4
                                     : 1;
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

std::size_t euc_size(std::uint8_t first) {
  return first == kSingleShift3 ? 3 : is_ascii(first) ? 1 : 2;
}

bool is_euc_jp(Bytes c) {
  if (c[0] == kSingleShift2) return within(c[1], 0xA1, 0xDF);
  return c.size() == 1 || std::all_of(c.begin() + (c.size() == 3), c.end(), in_euc);
}

std::size_t euc_cn_size(std::uint8_t first) { return first == kSingleShift2 ? 3 : euc_size(first); }

bool is_euc_of_two(Bytes c) { return c.size() == 1 || (in_euc(c[0]) && in_euc(c[1])); }

std::size_t euc_tw_size(std::uint8_t first) { return first == kSingleShift2 ? 4 : euc_size(first); }

bool is_euc_tw(Bytes c) {
  if (c.size() == 4) return within(c[1], 0xA1, 0xA7) && in_euc(c[2]) && in_euc(c[3]);
  return c.size() == 1 || (c.size() == 2 && in_euc(c[1]));
}

std::size_t mule_size(std::uint8_t first) {
  return within(first, 0x81, 0x8D)                                     ? 2
         : within(first, 0x90, 0x99) || first == 0x9A || first == 0x9B ? 3
         : first == 0x9C || first == 0x9D                              ? 4
                                                                       : 1;
}

bool is_mule(Bytes c) { return std::none_of(c.begin() + 1, c.end(), is_ascii); }

constexpr std::array kMultiByte{
    MultiByteEncoding{"UTF8", utf8_size, is_utf8},
    MultiByteEncoding{"EUC_JP", euc_size, is_euc_jp},
    MultiByteEncoding{"EUC_CN", euc_cn_size, is_euc_of_two},
    MultiByteEncoding{"EUC_KR", euc_size, is_euc_of_two},
    MultiByteEncoding{"EUC_TW", euc_tw_size, is_euc_tw},
    MultiByteEncoding{"EUC_JIS_2004", euc_size, is_euc_jp},
    MultiByteEncoding{"MULE_INTERNAL", mule_size, is_mule},
};

// PG_ENCODING_BE_LAST is before all of these.
constexpr std::array<std::string_view, 7> kClientOnly{"SJIS",    "BIG5",  "GBK",           "UHC",
                                                      "GB18030", "JOHAB", "SHIFT_JIS_2004"};

Bytes as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

runtime::Error invalid_text(std::string what) {
  return {.kind = &wire::kCharacterNotInRepertoire, .what = std::move(what)};
}

runtime::Result<void> check_characters(const MultiByteEncoding& encoding, Bytes text) {
  while (!text.empty()) {
    const std::size_t size = encoding.size_of(text[0]);
    if (size > text.size() || !encoding.is_valid(text.first(size))) {
      std::string what =
          runtime::format("invalid byte sequence for encoding \"{}\":", encoding.name);
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

runtime::Result<void> check_received_text(std::string_view encoding, std::string_view text) {
  if (std::find(kClientOnly.begin(), kClientOnly.end(), encoding) == kClientOnly.end()) {
    return check_sent_text(encoding, text);
  }
  const Bytes bytes = as_bytes(text);
  const auto wrong = std::find_if_not(bytes.begin(), bytes.end(), is_ascii);
  if (wrong == bytes.end()) return {};
  return invalid_text(
      runtime::format("invalid byte value for encoding \"SQL_ASCII\": 0x{:02x}", *wrong));
}

runtime::Result<void> check_sent_text(std::string_view encoding, std::string_view text) {
  const std::string_view name = encoding == "UNICODE" ? "UTF8" : encoding;
  const auto found = std::find_if(kMultiByte.begin(), kMultiByte.end(),
                                  [&](const MultiByteEncoding& e) { return e.name == name; });
  if (found == kMultiByte.end()) return {};
  return check_characters(*found, as_bytes(text));
}

}  // namespace server::command

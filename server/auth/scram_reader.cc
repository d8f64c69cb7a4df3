#include "server/auth/scram_reader.h"

#include <algorithm>
#include <utility>

#include "runtime/check.h"
#include "runtime/format.h"
#include "server/wire/errors.h"

namespace server::auth {

using runtime::format;

namespace {

bool is_printable(char c) { return c >= 0x21 && c <= 0x7E; }

bool is_letter(char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); }

}  // namespace

runtime::Error malformed_scram(std::string detail) {
  return {.kind = &wire::kProtocolViolation,
          .what = "malformed SCRAM message",
          .detail = std::move(detail)};
}

std::string printable(char c) {
  return is_printable(c) ? format("'{}'", c) : format("0x{:02x}", static_cast<unsigned char>(c));
}

std::string printable(std::string_view text) {
  constexpr std::size_t kShownMax = 30;
  std::string shown(text.substr(0, kShownMax));
  std::replace_if(
      shown.begin(), shown.end(), [](char c) { return !is_printable(c); }, '?');
  return shown;
}

void ScramReader::skip() {
  CHECK(!at_end());
  ++at_;
}

runtime::Result<std::string_view> ScramReader::read(char name) {
  if (peek() != name) {
    return malformed_scram(
        format("Expected attribute \"{}\" but found \"{}\".", name, printable(peek())));
  }
  return read_value(name);
}

runtime::Result<ScramReader::Attribute> ScramReader::read_any() {
  if (at_end()) return malformed_scram("Attribute expected, but found end of string.");
  const char name = peek();
  if (!is_letter(name)) {
    return malformed_scram(
        format("Attribute expected, but found invalid character \"{}\".", printable(name)));
  }
  return Attribute{.name = name, .value = TRY(read_value(name))};
}

runtime::Result<std::string_view> ScramReader::read_value(char name) {
  skip();
  if (peek() != '=') {
    return malformed_scram(format("Expected character \"=\" for attribute \"{}\".", name));
  }
  skip();
  const std::string_view value = rest().substr(0, rest().find(','));
  at_ += value.size();
  if (!at_end()) skip();
  return value;
}

}  // namespace server::auth

#include "tests/support/backend_messages.h"

#include <initializer_list>
#include <map>
#include <optional>
#include <string_view>

#include "runtime/format.h"
#include "runtime/result.h"
#include "server/wire/codec.h"

namespace tests {

namespace {

using runtime::Result;
using server::wire::ByteReader;

std::string type_name(std::uint32_t oid, std::uint16_t size) {
  if (oid == 25 && size == 0xFFFF) return "text";
  if (oid == 23 && size == 4) return "int4";
  if (oid == 20 && size == 8) return "int8";
  if (oid == 17 && size == 0xFFFF) return "bytea";
  return runtime::format("oid{}:{}", oid, size);
}

Result<std::string> columns(ByteReader& body) {
  std::string text;
  const auto count = TRY(body.integer<std::uint16_t>());
  for (std::uint16_t i = 0; i < count; ++i) {
    const auto name = TRY(body.string());
    const auto table = TRY(body.integer<std::uint32_t>());
    const auto attribute = TRY(body.integer<std::uint16_t>());
    const auto oid = TRY(body.integer<std::uint32_t>());
    const auto size = TRY(body.integer<std::uint16_t>());
    const auto modifier = static_cast<std::int32_t>(TRY(body.integer<std::uint32_t>()));
    const auto as_binary = TRY(body.integer<std::uint16_t>());
    if (i > 0) text += ", ";
    text += runtime::format("{} {}", name, type_name(oid, size));
    if (modifier != -1) text += runtime::format(" {}", modifier);
    if (as_binary == 1) text += " binary";
    if (table != 0 || attribute != 0 || as_binary > 1) text += " ?";
  }
  return text;
}

Result<std::string> parameter_types(ByteReader& body) {
  std::string text;
  const auto count = TRY(body.integer<std::uint16_t>());
  for (std::uint16_t i = 0; i < count; ++i) {
    if (i > 0) text += ", ";
    text += runtime::format("{}", TRY(body.integer<std::uint32_t>()));
  }
  return text;
}

// Takes `size` bytes off the front of `body`.
Result<std::string> take(ByteReader& body, std::uint32_t size) {
  std::string text;
  while (text.size() < size) text += static_cast<char>(TRY(body.byte()));
  return text;
}

Result<std::string> values(ByteReader& body) {
  std::string text;
  const auto count = TRY(body.integer<std::uint16_t>());
  for (std::uint16_t i = 0; i < count; ++i) {
    const auto size = TRY(body.integer<std::uint32_t>());
    if (i > 0) text += " | ";
    text += size == ~std::uint32_t{0} ? "NULL" : TRY(take(body, size));
  }
  return text;
}

Result<std::string> error_fields(ByteReader& body) {
  std::map<char, std::string> fields;
  for (char code = 0; (code = static_cast<char>(TRY(body.byte()))) != 0;) {
    fields[code] = TRY(body.string());
  }
  if (fields['S'] != fields['V']) return std::string("?");
  std::string text = runtime::format("{} {} {}", fields['S'], fields['C'], fields['M']);
  for (const char optional : {'D', 'H'}) {
    if (fields.contains(optional)) text += " / " + fields[optional];
  }
  return text;
}

Result<std::string> negotiation(ByteReader& body) {
  const auto version = TRY(body.integer<std::uint32_t>());
  std::string text = runtime::format("{}.{}", version >> 16, version & 0xFFFF);
  const auto count = TRY(body.integer<std::uint32_t>());
  for (std::uint32_t i = 0; i < count; ++i) text += runtime::format(" {}", TRY(body.string()));
  return text;
}

Result<std::string> assignment(ByteReader& body) {
  const auto name = TRY(body.string());
  return runtime::format("{}={}", name, TRY(body.string()));
}

// Unsigned integers of these sizes.
Result<std::string> integers(ByteReader& body, std::initializer_list<int> sizes) {
  std::string text;
  for (const int size : sizes) {
    std::uint64_t value = 0;
    for (int i = 0; i < size; ++i) value = value << 8 | TRY(body.byte());
    if (!text.empty()) text += " ";
    text += runtime::format("{}", value);
  }
  return text;
}

// From protocol 3.2 on a key has 32 bytes.
Result<std::string> key_data(ByteReader& body) {
  constexpr std::size_t kShortBytes = 8;
  if (body.rest().size() <= kShortBytes) return integers(body, {4, 4});
  const std::string process_id = TRY(integers(body, {4}));
  TRY(take(body, 32));
  return process_id + " 32 bytes";
}

// AuthenticationRequest, with the data that some kinds have.
Result<std::string> authentication(ByteReader& body) {
  constexpr std::uint32_t kMd5 = 5;
  constexpr std::uint32_t kSasl = 10;
  const auto code = TRY(body.integer<std::uint32_t>());
  std::string text = runtime::format("{}", code);
  if (code == kMd5) return text + runtime::format(" {:08x}", TRY(body.integer<std::uint32_t>()));
  if (code < kSasl) return text;
  if (code > kSasl) {
    return text + " " + TRY(take(body, static_cast<std::uint32_t>(body.rest().size())));
  }
  for (;;) {
    const auto mechanism = TRY(body.string());
    if (mechanism.empty()) return text;
    text += runtime::format(" {}", mechanism);
  }
}

Result<std::string> contents(char type, ByteReader& body) {
  switch (type) {
    case 'T':
      return columns(body);
    case 't':
      return parameter_types(body);
    case 'D':
      return values(body);
    case 'E':
    case 'N':
      return error_fields(body);
    case 'v':
      return negotiation(body);
    case 'C':
      return std::string(TRY(body.string()));
    case 'S':
      return assignment(body);
    case 'K':
      return key_data(body);
    case 'R':
      return authentication(body);
    case 'Z':
      return take(body, 1);
    case 'W':
      return integers(body, {1, 2});
    default:
      return std::string();
  }
}

// One message off the front of `bytes`, or nothing where it is malformed.
std::optional<std::string> describe_first(std::span<const std::byte>& bytes) {
  constexpr std::size_t kHeaderBytes = 5;
  if (bytes.size() < kHeaderBytes) return std::nullopt;
  const char type = static_cast<char>(bytes[0]);
  const std::size_t length = server::wire::load_big_endian<std::uint32_t>(&bytes[1]);
  if (length < 4 || 1 + length > bytes.size()) return std::nullopt;
  ByteReader body(bytes.subspan(kHeaderBytes, length - 4));
  bytes = bytes.subspan(1 + length);
  const auto text = contents(type, body);
  if (!text || !body.rest().empty()) return std::nullopt;
  return text->empty() ? std::string(1, type) : runtime::format("{} {}", type, *text);
}

}  // namespace

std::vector<std::string> describe(std::span<const std::byte> bytes) {
  std::vector<std::string> messages;
  while (!bytes.empty()) {
    const auto message = describe_first(bytes);
    messages.push_back(message.value_or("?"));
    if (!message) break;
  }
  return messages;
}

}  // namespace tests

#include "server/console/numbers.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include "runtime/check.h"
#include "runtime/format.h"
#include "server/console/errors.h"
#include "server/wire/codec.h"
#include "server/wire/text.h"

namespace server::console {

namespace {

// NUMERIC_POS and its like (numeric.c).
constexpr std::uint16_t kPositive = 0x0000;
constexpr std::uint16_t kNegative = 0x4000;
constexpr std::uint16_t kNan = 0xC000;
constexpr std::uint16_t kPlusInfinity = 0xD000;
constexpr std::uint16_t kMinusInfinityBits = 0xF000;
constexpr std::size_t kDecimalsPerDigit = 4;  // a digit is of base 10000

// PGSQL_AF_INET and PGSQL_AF_INET6 (src/include/utils/inet.h).
constexpr unsigned char kFamily4 = 2;
constexpr unsigned char kFamily6 = 3;

void put_u16(std::string& bytes, std::uint16_t value) {
  bytes += static_cast<char>(value >> 8);
  bytes += static_cast<char>(value & 0xFF);
}

runtime::Error bad_binary(std::string_view what) {
  return {.kind = &kBadBinary, .what = std::string(what)};
}

std::string special_numeric(std::uint16_t sign) {
  std::string bytes;
  for (const std::uint16_t field : {std::uint16_t{0}, std::uint16_t{0}, sign, std::uint16_t{0}}) {
    put_u16(bytes, field);
  }
  return bytes;
}

struct Address {
  unsigned char family;
  std::vector<unsigned char> bytes;
};
std::optional<Address> parse_address(const std::string& text) {
  std::array<unsigned char, sizeof(in6_addr)> bytes;
  if (inet_pton(AF_INET, text.c_str(), bytes.data()) == 1) {
    return Address{kFamily4, {bytes.begin(), bytes.begin() + sizeof(in_addr)}};
  }
  if (inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1) {
    return Address{kFamily6, {bytes.begin(), bytes.end()}};
  }
  return std::nullopt;
}

std::string address_text(const Address& address) {
  std::array<char, INET6_ADDRSTRLEN> text;
  const int family = address.family == kFamily4 ? AF_INET : AF_INET6;
  CHECK(inet_ntop(family, address.bytes.data(), text.data(), text.size()) != nullptr);
  return text.data();
}

}  // namespace

std::string write_numeric(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value < 0 ? "-Infinity" : "Infinity";
  std::array<char, 512> text;
  const auto [end, error] =
      std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  CHECK(error == std::errc());
  return {text.data(), end};
}

std::string numeric_to_binary(std::string_view text) {
  if (text == "NaN") return special_numeric(kNan);
  if (text == "Infinity") return special_numeric(kPlusInfinity);
  if (text == "-Infinity") return special_numeric(kMinusInfinityBits);
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  const std::size_t point = std::min(text.find('.'), text.size());
  std::string whole(text.substr(0, point));
  std::string fraction(point < text.size() ? text.substr(point + 1) : std::string_view{});
  const std::size_t scale = fraction.size();
  whole.insert(0, (kDecimalsPerDigit - whole.size() % kDecimalsPerDigit) % kDecimalsPerDigit, '0');
  fraction.append((kDecimalsPerDigit - scale % kDecimalsPerDigit) % kDecimalsPerDigit, '0');
  const std::string decimals = whole + fraction;
  std::vector<std::uint16_t> digits;
  for (std::size_t at = 0; at < decimals.size(); at += kDecimalsPerDigit) {
    int digit = 0;
    for (std::size_t i = 0; i < kDecimalsPerDigit; ++i)
      digit = digit * 10 + (decimals[at + i] - '0');
    digits.push_back(static_cast<std::uint16_t>(digit));
  }
  auto weight = static_cast<std::int16_t>(whole.size() / kDecimalsPerDigit) - 1;
  while (!digits.empty() && digits.front() == 0) {
    digits.erase(digits.begin());
    --weight;
  }
  while (!digits.empty() && digits.back() == 0) digits.pop_back();
  if (digits.empty()) weight = 0;
  std::string bytes;
  put_u16(bytes, static_cast<std::uint16_t>(digits.size()));
  put_u16(bytes, static_cast<std::uint16_t>(weight));
  put_u16(bytes, negative && !digits.empty() ? kNegative : kPositive);
  put_u16(bytes, static_cast<std::uint16_t>(scale));
  for (const std::uint16_t digit : digits) put_u16(bytes, digit);
  return bytes;
}

runtime::Result<std::string> numeric_from_binary(std::string_view bytes) {
  wire::ByteReader reader(std::as_bytes(std::span(bytes)));
  const auto count = TRY(reader.integer<std::uint16_t>());
  const auto weight = static_cast<std::int16_t>(TRY(reader.integer<std::uint16_t>()));
  const auto sign = TRY(reader.integer<std::uint16_t>());
  const auto scale = TRY(reader.integer<std::uint16_t>());
  if (sign == kNan) return std::string("NaN");
  if (sign == kPlusInfinity) return std::string("Infinity");
  if (sign == kMinusInfinityBits) return std::string("-Infinity");
  if (sign != kPositive && sign != kNegative) {
    return bad_binary("invalid sign in external \"numeric\" value");
  }
  constexpr int kWeightMax = 1000;  // more digits than any number here has
  if (weight > kWeightMax || weight < -kWeightMax || scale > kWeightMax) {
    return runtime::Error{.kind = &kOutOfRange, .what = "value overflows numeric format"};
  }
  std::string text = sign == kNegative ? "-" : "";
  std::string fraction(weight < -1 ? static_cast<std::size_t>(-1 - weight) * 4 : 0, '0');
  if (weight < 0) text += '0';
  for (int i = 0; i < std::max<int>(count, weight + 1); ++i) {
    const std::uint16_t digit = i < count ? TRY(reader.integer<std::uint16_t>()) : std::uint16_t{0};
    if (digit > 9999) return bad_binary("invalid digit in external \"numeric\" value");
    (i <= weight ? text : fraction) += runtime::format("{:04}", digit);
  }
  fraction.resize(scale, '0');
  // The first digit may have less than four.
  const std::size_t sign_size = sign == kNegative ? 1 : 0;
  while (text.size() > sign_size + 1 && text[sign_size] == '0') text.erase(sign_size, 1);
  return scale == 0 ? text : text + "." + fraction;
}

std::optional<std::string> read_inet(std::string_view text) {
  const std::string_view trimmed = wire::trim(text);
  const std::size_t slash = std::min(trimmed.find('/'), trimmed.size());
  const auto address = parse_address(std::string(trimmed.substr(0, slash)));
  if (!address) return std::nullopt;
  const std::string written = address_text(*address);
  if (slash == trimmed.size()) return written;
  const std::string_view mask = trimmed.substr(slash + 1);
  unsigned bits = 0;
  const auto [end, error] = std::from_chars(mask.data(), mask.data() + mask.size(), bits);
  if (mask.empty() || error != std::errc() || end != mask.data() + mask.size()) return std::nullopt;
  if (bits > address->bytes.size() * 8) return std::nullopt;
  if (bits == address->bytes.size() * 8) return written;
  return runtime::format("{}/{}", written, bits);
}

std::string inet_to_binary(std::string_view text, bool cidr) {
  const std::size_t slash = std::min(text.find('/'), text.size());
  const auto address = parse_address(std::string(text.substr(0, slash)));
  CHECK(address.has_value());
  unsigned bits = static_cast<unsigned>(address->bytes.size()) * 8;
  if (slash < text.size()) {
    std::from_chars(text.data() + slash + 1, text.data() + text.size(), bits);
  }
  std::string bytes{static_cast<char>(address->family), static_cast<char>(bits),
                    static_cast<char>(cidr ? 1 : 0), static_cast<char>(address->bytes.size())};
  for (const unsigned char byte : address->bytes) bytes += static_cast<char>(byte);
  return bytes;
}

runtime::Result<std::string> inet_from_binary(std::string_view bytes) {
  constexpr std::size_t kHeader = 4;
  if (bytes.size() < kHeader) {
    return runtime::Error{.kind = &wire::kProtocolViolation,
                          .what = "insufficient data left in message"};
  }
  const auto byte = [bytes](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
  Address address{byte(0), {}};
  const std::size_t size = address.family == kFamily4 ? 4 : 16;
  if (address.family != kFamily4 && address.family != kFamily6) {
    return bad_binary("invalid address family in external \"inet\" value");
  }
  if (byte(1) > size * 8) return bad_binary("invalid bits in external \"inet\" value");
  if (byte(3) != size || bytes.size() != kHeader + size) {
    return bad_binary("invalid length in external \"inet\" value");
  }
  for (std::size_t i = 0; i < size; ++i) address.bytes.push_back(byte(kHeader + i));
  const std::string text = address_text(address);
  return byte(1) == size * 8 ? text : runtime::format("{}/{}", text, byte(1));
}

}  // namespace server::console

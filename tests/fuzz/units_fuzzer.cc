// Settings with units, as flags, the configuration file and a standby's options give them.
//   input: the text

#include <cmath>
#include <optional>
#include <string>

#include "runtime/check.h"
#include "server/settings/units.h"
#include "tests/fuzz/input.h"

namespace {

using server::settings::kAmountMax;
constexpr std::uint64_t kExactMax = std::uint64_t{1} << 53;  // what a double can count

template <typename Value>
std::optional<Value> any(const runtime::Result<Value>& parsed) {
  return parsed ? std::optional(*parsed) : std::nullopt;
}
auto parse_bytes(const std::string& text) { return any(server::settings::parse_bytes("x", text)); }
auto parse_rate(const std::string& text) { return any(server::settings::parse_rate("x", text)); }
auto parse_duration(const std::string& text) {
  return any(server::settings::parse_duration("x", text));
}

void check_bytes(const std::string& text) {
  const auto bytes = parse_bytes(text);
  CHECK(parse_bytes("\t " + text + " ") == bytes);
  const auto rate = parse_rate(text);
  if (!bytes) return;
  CHECK(*bytes <= kAmountMax);
  CHECK(parse_bytes(server::settings::show_bytes(*bytes)) == bytes);
  CHECK(rate == bytes && parse_rate(text + "/s") == bytes);
}

void check_duration(const std::string& text) {
  const auto duration = parse_duration(text);
  CHECK(parse_duration(" " + text + "\t") == duration);
  if (!duration) return;
  CHECK(duration->count() >= 0 && static_cast<std::uint64_t>(duration->count()) <= kAmountMax);
  const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(*duration);
  if (static_cast<std::uint64_t>(duration->count()) > kExactMax) return;
  CHECK(parse_duration(server::settings::show_duration(milliseconds)) == milliseconds);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text = tests::text_of(std::as_bytes(std::span(data, size)));
  check_bytes(text);
  check_duration(text);
  return 0;
}

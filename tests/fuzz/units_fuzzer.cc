// Settings with units, as flags, the configuration file and a standby's options give them.
//   input: the text

#include <cmath>
#include <string>

#include "runtime/check.h"
#include "server/settings/units.h"
#include "tests/fuzz/input.h"

namespace {

using server::settings::kAmountMax;
constexpr std::uint64_t kExactMax = std::uint64_t{1} << 53;  // what a double can count

void check_bytes(const std::string& text) {
  const auto bytes = server::settings::parse_bytes(text);
  CHECK(server::settings::parse_bytes("\t " + text + " ") == bytes);
  const auto rate = server::settings::parse_rate(text);
  if (!bytes) return;
  CHECK(*bytes <= kAmountMax);
  CHECK(server::settings::parse_bytes(server::settings::show_bytes(*bytes)) == bytes);
  CHECK(rate == bytes && server::settings::parse_rate(text + "/s") == bytes);
}

void check_duration(const std::string& text) {
  const auto duration = server::settings::parse_duration(text);
  CHECK(server::settings::parse_duration(" " + text + "\t") == duration);
  if (!duration) return;
  CHECK(duration->count() >= 0 && static_cast<std::uint64_t>(duration->count()) <= kAmountMax);
  const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(*duration);
  if (static_cast<std::uint64_t>(duration->count()) > kExactMax) return;
  CHECK(server::settings::parse_duration(server::settings::show_duration(milliseconds)) ==
        milliseconds);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text = tests::text_of(std::as_bytes(std::span(data, size)));
  check_bytes(text);
  check_duration(text);
  return 0;
}

// Settings with units, as flags, the configuration file and a standby's options give them.
//   input: the text

#include <cmath>
#include <string>

#include "runtime/check.h"
#include "server/command/settings.h"
#include "server/units.h"
#include "tests/fuzz/input.h"

namespace {

constexpr std::uint64_t kLargest = 9'000'000'000'000'000'000;
constexpr std::uint64_t kExactMax = std::uint64_t{1} << 53;  // what a double can count

void check_bytes(const std::string& text) {
  const auto bytes = server::parse_bytes(text);
  CHECK(server::parse_bytes("\t " + text + " ") == bytes);
  const auto rate = server::parse_rate(text);
  if (!bytes) return;
  CHECK(*bytes <= kLargest);
  CHECK(server::parse_bytes(server::command::show_bytes(*bytes)) == bytes);
  CHECK(rate == bytes && server::parse_rate(text + "/s") == bytes);
}

void check_duration(const std::string& text) {
  const auto duration = server::parse_duration(text);
  CHECK(server::parse_duration(" " + text + "\t") == duration);
  if (!duration) return;
  CHECK(duration->count() >= 0 && static_cast<std::uint64_t>(duration->count()) <= kLargest);
  const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(*duration);
  if (static_cast<std::uint64_t>(duration->count()) > kExactMax) return;
  CHECK(server::parse_duration(server::command::show_milliseconds(milliseconds.count())) ==
        milliseconds);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text = tests::text_of(std::as_bytes(std::span(data, size)));
  check_bytes(text);
  check_duration(text);
  return 0;
}

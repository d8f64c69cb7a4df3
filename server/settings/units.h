#pragma once

// PostgreSQL's units in settings (guc.c): "16MB", "60s". Case counts, blanks around the unit do
// not.

#include <cstdint>
#include <optional>
#include <string_view>

#include "runtime/clock.h"

namespace server::settings {

// B, kB, MB, GB, TB; a bare number is in `bare_unit` bytes.
std::optional<std::uint64_t> parse_bytes(std::string_view text, std::uint64_t bare_unit = 1);
// "50MB/s", or a bare size.
std::optional<std::uint64_t> parse_rate(std::string_view text);
// us, ms, s, min, h, d; a bare number is in milliseconds.
std::optional<runtime::Duration> parse_duration(std::string_view text);

}  // namespace server::settings

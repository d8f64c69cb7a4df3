#pragma once

// The types whose formats are more than a copy: numeric and inet (numeric.c, network.c).

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/result.h"

namespace server::console {

// A numeric's text: up to 17 digits that matter, never with an exponent.
std::string write_numeric(double value);

// A numeric's text in the binary format, and back (numeric_send, numeric_recv).
std::string numeric_to_binary(std::string_view text);
runtime::Result<std::string> numeric_from_binary(std::string_view bytes);

// As inet_out writes an address: without a mask that has all bits. None if it is no address.
std::optional<std::string> read_inet(std::string_view text);
// REQUIRES: read_inet() has written the text.
std::string inet_to_binary(std::string_view text, bool cidr);
runtime::Result<std::string> inet_from_binary(std::string_view bytes);

}  // namespace server::console

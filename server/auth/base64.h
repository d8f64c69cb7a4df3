#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "server/auth/secret.h"

namespace server::auth {

// Base64 as SCRAM has it: padded, and without blanks (src/common/base64.c).
std::string encode_base64(std::span<const std::byte> bytes);
// Nothing if `text` is anything else. Bits of a last group that stand for no byte may have any
// value, as they may for PostgreSQL.
std::optional<Secret> decode_base64(std::string_view text);

}  // namespace server::auth

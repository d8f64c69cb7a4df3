#pragma once

#include <string>
#include <string_view>

namespace runtime {

// The text as a JSON string with its quotes (RFC 8259, section 7). What is no UTF-8 in it, such as
// a file's name in an old encoding, becomes U+FFFD: the result is always valid.
std::string json_string(std::string_view text);

}  // namespace runtime

#pragma once

#include <string_view>

namespace server::settings {

// The name of the character set encoding that `text` calls by any of its names, in any case and
// with or without punctuation (src/common/encnames.c); empty if it names none.
std::string_view find_encoding(std::string_view text);

}  // namespace server::settings

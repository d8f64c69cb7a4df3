#pragma once

#include <string_view>

#include "runtime/result.h"

namespace server::console {

// Whether the text is like the pattern, in which % is any row of characters and _ is one (like.c).
// `escape` is one character, or empty. In time that is the product of both lengths at most; the
// error is that of an escape that escapes nothing, or is more than a character.
runtime::Result<bool> is_like(std::string_view text, std::string_view pattern, bool ignores_case,
                              std::string_view escape);

}  // namespace server::console

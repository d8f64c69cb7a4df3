#pragma once

#include <cstdio>
#include <string_view>

#include "runtime/result.h"

namespace runtime {

// Writes the text to a stream and flushes it. The error is of this write or of an earlier one: the
// disk behind it may be full, or its reader gone.
//   Thread: any. Blocks.
Result<void> print(std::FILE* out, std::string_view text);

}  // namespace runtime

#pragma once

#include <functional>
#include <string>

#include "runtime/result.h"

namespace runtime {

// Runs `body` on a thread that no other waits for, not even at the end of the process, and that
// takes no signals. For a call that may hang and that nothing can end. It is an error if there may
// be no thread more. REQUIRES: `body` owns all that it uses.
Result<void> run_unattended(const std::string& name, std::function<void()> body);

}  // namespace runtime

#pragma once

#include <string>
#include <vector>

#include "runtime/result.h"
#include "server/settings/assignment.h"
#include "server/settings/options.h"

namespace server::settings {

// The words behind a command: its options, and what else stands there.
struct Flags {
  std::vector<Assignment> assignments;  // in the order in which they stand
  std::vector<std::string> operands;
  bool help = false;
};

// Reads "--name value" and "--name=value" as getopt_long does; a switch takes a value only behind
// an equals sign. The error names the word that is wrong.
runtime::Result<Flags> read_flags(const Options& options, const std::vector<std::string>& words);

}  // namespace server::settings

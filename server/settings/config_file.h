#pragma once

#include <string>
#include <vector>

#include "runtime/result.h"
#include "server/settings/assignment.h"

namespace server::settings {

// What a configuration file and the files that it includes say, and what is wrong with them.
struct ConfigFile {
  std::vector<Assignment> assignments;  // in the order in which they stand
  std::vector<runtime::Error> errors;
  std::vector<std::string> skipped;  // files of include_if_exists that are missing
};

// Reads a file of PostgreSQL's format (guc-file.l, ParseConfigFile): a name, perhaps an equals
// sign, and a value in each line; values of other than plain words and numbers in single quotes;
// comments, include, include_if_exists and include_dir. Names are not looked up here. Blocks.
ConfigFile read_config_file(const std::string& path);

}  // namespace server::settings

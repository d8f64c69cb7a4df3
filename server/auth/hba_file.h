#pragma once

#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "server/auth/file_error.h"
#include "server/auth/hba_rule.h"
#include "server/auth/tokens.h"

namespace server::auth {

// The rules of an hba file and of those that it includes, in their order. Never changed, so that
// any thread may use them; a reload makes new ones.
class HbaRules {
 public:
  explicit HbaRules(std::vector<HbaRule> rules) : rules_(std::move(rules)) {}

  std::span<const HbaRule> all() const { return rules_; }

 private:
  std::vector<HbaRule> rules_;
};

// What a file has turned out to be. It has rules or errors, never both: rules of which some are
// missing could let in whom one of those rejects.
struct HbaFile {
  std::optional<HbaRules> rules;
  std::vector<FileError> errors;     // of all lines
  std::vector<FileError> warnings;   // rules that no connection can match
  std::vector<std::string> skipped;  // files of include_if_exists that are missing
};

// Reads a file as a whole (hba.c, load_hba). Blocks.
enum class SslState { kOff, kOn };
HbaFile read_hba_file(const std::string& path, SslState ssl,
                      const FileSource& source = disk_files());

}  // namespace server::auth

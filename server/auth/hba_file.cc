#include "server/auth/hba_file.h"

#include "runtime/check.h"
#include "runtime/format.h"
#include "server/auth/hba_line.h"

namespace server::auth {

namespace {

void warn_of(const HbaRule& rule, SslState ssl, std::vector<FileError>& warnings) {
  runtime::Error error{.kind = &kConfigFileError, .what = {}};
  if (rule.type == ConnectionType::kHostSsl && ssl == SslState::kOff) {
    error.what = "hostssl record cannot match because SSL is disabled";
    error.hint = "Set ssl = on.";
  } else if (rule.type == ConnectionType::kHostGssEnc) {
    error.what = "hostgssenc record cannot match because GSSAPI is not supported by this build";
  } else {
    return;
  }
  warnings.push_back({.error = std::move(error), .file = rule.file, .line = rule.line});
}

}  // namespace

HbaFile read_hba_file(const std::string& path, SslState ssl, const FileSource& source) {
  TokenFile tokens = read_token_file(path, source);
  HbaFile file{.rules = std::nullopt,
               .errors = std::move(tokens.errors),
               .warnings = {},
               .skipped = std::move(tokens.skipped)};
  std::vector<HbaRule> rules;
  for (const TokenLine& line : tokens.lines) {
    auto rule = parse_hba_line(line);
    if (!rule) {
      file.errors.push_back(
          {.error = std::move(rule).error(), .file = line.file, .line = line.line});
      continue;
    }
    warn_of(*rule, ssl, file.warnings);
    rules.push_back(std::move(rule).value());
  }
  // With no rule at all, no client could connect.
  if (rules.empty() && file.errors.empty()) {
    file.errors.push_back(
        {.error = {.kind = &kConfigFileError,
                   .what = runtime::format("configuration file \"{}\" contains no entries", path)},
         .file = path});
  }
  if (file.errors.empty()) file.rules.emplace(std::move(rules));
  DCHECK(file.rules.has_value() == file.errors.empty());
  return file;
}

}  // namespace server::auth

#include "server/settings/flags.h"

#include <algorithm>

#include "runtime/format.h"
#include "server/wire/errors.h"

namespace server::settings {

using runtime::format;

namespace {

runtime::Fail wrong_word(std::string what) {
  return runtime::Fail({.kind = &wire::kSyntaxError, .what = std::move(what)});
}

std::string underscored(std::string_view flag) {
  std::string name(flag);
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

}  // namespace

runtime::Result<Flags> read_flags(const Options& options, const std::vector<std::string>& words) {
  Flags flags;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string_view word = words[i];
    if (word == "--help" || word == "-h" || word == "-?") {
      flags.help = true;
      continue;
    }
    if (!word.starts_with('-') || word == "-") {
      flags.operands.emplace_back(word);
      continue;
    }
    const auto equals = std::min(word.find('='), word.size());
    const std::string_view flag = word.substr(0, equals);
    if (!flag.starts_with("--") || !options.has(flag.substr(2))) {
      return wrong_word(format("unrecognized option \"{}\"", flag));
    }
    Assignment assignment{.name = underscored(flag.substr(2)), .value = "on"};
    if (equals < word.size()) {
      assignment.value = word.substr(equals + 1);
    } else if (!options.is_switch(assignment.name)) {
      if (++i == words.size()) return wrong_word(format("option \"{}\" needs a value", flag));
      assignment.value = words[i];
    }
    flags.assignments.push_back(std::move(assignment));
  }
  return flags;
}

}  // namespace server::settings

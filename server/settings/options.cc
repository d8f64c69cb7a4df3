#include "server/settings/options.h"

#include <algorithm>

#include "runtime/format.h"
#include "server/settings/setting_value.h"
#include "server/wire/errors.h"
#include "server/wire/text.h"

namespace server::settings {

using runtime::format;

namespace {

std::string place_of(const Assignment& assignment) {
  if (assignment.file.empty()) return "";
  return format(" in file \"{}\" line {}", assignment.file, assignment.line);
}

}  // namespace

std::string Options::name_of_flag(std::string_view flag) {
  std::string name(flag);
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

// Names of parameters have no case in PostgreSQL.
const Options::Definition* Options::find(std::string_view name) const {
  const std::string wanted = name_of_flag(name);
  const auto found =
      std::find_if(definitions_.begin(), definitions_.end(), [&](const Definition& definition) {
        return wire::equal_ignoring_case(definition.name, wanted);
      });
  return found == definitions_.end() ? nullptr : &*found;
}

bool Options::is_switch(std::string_view name) const {
  const Definition* const definition = find(name);
  return definition != nullptr && definition->is_switch;
}

void Options::add_definition(Definition definition) {
  CHECK(find(definition.name) == nullptr);
  auto shown = definition.take(definition.initial);
  CHECK(shown.has_value());
  show(definition, std::move(*shown));
  definitions_.push_back(std::move(definition));
}

void Options::add_switch(const std::string& flag, bool& value, const std::string& help) {
  Definition definition = define(flag, value, "off", boolean(), help);
  definition.is_switch = true;
  add_definition(std::move(definition));
}

void Options::add_flag(const std::string& flag, std::string& value, const std::string& help) {
  Definition definition = define(flag, value, "", text(), help);
  definition.is_setting = false;
  add_definition(std::move(definition));
}

void Options::add_flag_switch(const std::string& flag, bool& value, const std::string& help) {
  Definition definition = define(flag, value, "off", boolean(), help);
  definition.is_switch = true;
  definition.is_setting = false;
  add_definition(std::move(definition));
}

runtime::Result<void> Options::assign(const Assignment& assignment) {
  const Definition* const definition = find(assignment.name);
  const bool in_file = !assignment.file.empty();
  if (definition == nullptr || (in_file && !definition->is_setting)) {
    runtime::Error error = unrecognized_parameter(assignment.name);
    error.what += place_of(assignment);
    return error;
  }
  auto shown = definition->take(assignment.value);
  if (!shown) {
    runtime::Error error = std::move(shown).error();
    error.what += place_of(assignment);
    return error;
  }
  show(*definition, std::move(*shown));
  return {};
}

std::string Options::help() const {
  std::string lines;
  for (const Definition& definition : definitions_) {
    lines += format("  --{}{}\n      {}", definition.flag, definition.is_switch ? "" : " VALUE",
                    definition.help);
    if (definition.bare != Unit::kNone) {
      lines += format("; a number without a unit is in {}", name_of(definition.bare));
    }
    const bool worth_telling = !definition.initial.empty() && !definition.is_switch;
    if (worth_telling) lines += format(" (default: {})", definition.initial);
    lines += '\n';
  }
  return lines;
}

void Options::show(const Definition& definition, std::string value) const {
  if (shown_ == nullptr || !definition.is_setting) return;
  shown_->set(definition.name, std::move(value), definition.help, definition.context);
}

}  // namespace server::settings

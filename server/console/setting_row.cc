#include "server/console/setting_row.h"

#include <algorithm>
#include <chrono>

#include "runtime/format.h"
#include "server/settings/postgres_settings.h"
#include "server/settings/units.h"

namespace server::console {

namespace {

std::string_view unit_text(settings::Unit unit) {
  switch (unit) {
    case settings::Unit::kNone:
      return "";
    case settings::Unit::kBytes:
      return "B";
    case settings::Unit::kKilobytes:
      return "kB";
    case settings::Unit::kBlocks:
      return "8kB";
    case settings::Unit::kMegabytes:
      return "MB";
    case settings::Unit::kMilliseconds:
      return "ms";
    case settings::Unit::kSeconds:
      return "s";
  }
  return "";
}

std::string_view context_of(const settings::Setting& setting) {
  if (settings::find_session_setting(setting.name) != nullptr) return "user";
  switch (setting.context) {
    case settings::SettingContext::kInternal:
      return "internal";
    case settings::SettingContext::kSighup:
      return "sighup";
    case settings::SettingContext::kPostmaster:
      break;
  }
  return "postmaster";
}

// A session's setting, whose type PostgreSQL defines.
void define(const settings::SettingDefinition& definition, const std::string& shown,
            SettingRow& row) {
  switch (definition.kind) {
    case settings::SettingKind::kBool:
      row.type = "bool";
      return;
    case settings::SettingKind::kEnum:
      row.type = "enum";
      return;
    case settings::SettingKind::kString:
    case settings::SettingKind::kName:
      return;
    case settings::SettingKind::kNumber:
      break;
  }
  row.type = definition.number.whole ? "integer" : "real";
  row.unit = unit_text(definition.number.unit);
  const auto number = settings::parse_number(definition.number, row.name, shown);
  if (number) row.setting = runtime::format("{}", *number);
}

// One of the server's own, by how it looks: "on", "10", "16MB", "1min".
void guess(const std::string& shown, SettingRow& row) {
  if (shown == "on" || shown == "off") {
    row.type = "bool";
    return;
  }
  const std::size_t digits = std::min(shown.find_first_not_of("-0123456789"), shown.size());
  if (digits == 0) return;
  if (digits == shown.size()) {
    row.type = "integer";
    return;
  }
  if (const auto bytes = settings::parse_bytes(row.name, shown); bytes && shown.ends_with('B')) {
    row.type = "integer";
    row.unit = "B";
    row.setting = runtime::format("{}", *bytes);
  } else if (const auto time = settings::parse_duration(row.name, shown)) {
    row.type = "integer";
    row.unit = "ms";
    row.setting =
        runtime::format("{}", std::chrono::duration_cast<std::chrono::milliseconds>(*time).count());
  }
}

}  // namespace

SettingRow setting_row(const settings::Setting& setting, const std::string& shown) {
  SettingRow row{.name = setting.name,
                 .setting = shown,
                 .unit = {},
                 .description = setting.description,
                 .context = context_of(setting),
                 .type = "string"};
  const settings::SettingDefinition* definition = settings::find_session_setting(setting.name);
  if (definition != nullptr) {
    define(*definition, shown, row);
  } else {
    guess(shown, row);
  }
  return row;
}

}  // namespace server::console

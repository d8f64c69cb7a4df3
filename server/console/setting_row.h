#pragma once

#include <string>
#include <string_view>

#include "server/settings/settings.h"

namespace server::console {

// A row of pg_settings: the value in the setting's base unit (guc_funcs.c, GetConfigOptionValues).
struct SettingRow {
  std::string name;
  std::string setting;
  std::string_view unit;  // "B", "ms", "kB", ...; empty: it has none
  std::string description;
  std::string_view context;  // internal, postmaster, sighup or user
  std::string_view type;     // bool, integer, real, enum or string
};

// Of a setting as SHOW shows it.
SettingRow setting_row(const settings::Setting& setting, const std::string& shown);

}  // namespace server::console

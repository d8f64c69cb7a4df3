#pragma once

#include <vector>

#include "server/config/config.h"
#include "server/settings/settings.h"

namespace server::config {

// An option whose value is not the one that the server runs with.
struct ConfigChange {
  settings::Setting setting;  // with the new value
  // Otherwise the option is one of ReloadableConfig.
  bool needs_restart() const { return setting.context != settings::SettingContext::kSighup; }
};

// What `fresh`, the configuration as it is read by a reload, says other than `running`.
std::vector<ConfigChange> find_changes(const ServeConfig& running, const ServeConfig& fresh);

// Logs what is wrong with a configuration that is not taken for that reason.
void log_errors(const ConfigReading& reading);

// Logs each change, and takes over those that need no restart: in `running`, and in `shown`, which
// SHOW answers from (guc-file.l, ProcessConfigFile). `changes` are those between the first two.
void apply_changes(const std::vector<ConfigChange>& changes, const ServeConfig& fresh,
                   ServeConfig& running, settings::Settings& shown);

}  // namespace server::config

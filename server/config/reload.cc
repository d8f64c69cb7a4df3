#include "server/config/reload.h"

#include <algorithm>

#include "runtime/check.h"
#include "runtime/format.h"
#include "runtime/log.h"

namespace server::config {

namespace {

// By the text that SHOW shows, but for what SHOW does not tell.
bool is_same(const settings::Setting& setting, const ServeConfig& running,
             const ServeConfig& fresh) {
  if (setting.name == "primary_conninfo") return running.primary_conninfo == fresh.primary_conninfo;
  if (setting.name == "auth_conninfo") {
    return running.reloadable.roles.conninfo == fresh.reloadable.roles.conninfo;
  }
  if (setting.name == "ssl_passphrase_command") {
    return running.reloadable.tls.files.passphrase.command ==
           fresh.reloadable.tls.files.passphrase.command;
  }
  const settings::Setting* known = running.settings.find(setting.name);
  CHECK(known != nullptr);  // both were parsed from the same definitions
  return known->value == setting.value;
}

}  // namespace

std::vector<ConfigChange> find_changes(const ServeConfig& running, const ServeConfig& fresh) {
  std::vector<ConfigChange> changes;
  for (const settings::Setting& setting : fresh.settings.all()) {
    if (!is_same(setting, running, fresh)) changes.push_back({setting});
  }
  return changes;
}

// As errors, though PostgreSQL logs them at LOG: there that is a level that no setting leaves out
// before FATAL.
void log_errors(const ConfigReading& reading) {
  for (const runtime::Error& error : reading.errors) {
    runtime::log::report(runtime::log::Level::kError, error);
  }
  const std::string& file = reading.config.config_file;
  const std::string which = file.empty() ? "" : runtime::format("\"{}\" ", file);
  runtime::log::error("configuration file {}contains errors; no changes were applied", which);
}

void apply_changes(const std::vector<ConfigChange>& changes, const ServeConfig& fresh,
                   ServeConfig& running, settings::Settings& shown) {
  for (const ConfigChange& change : changes) {
    const auto& [name, value, description, context] = change.setting;
    if (change.needs_restart()) {
      runtime::log::log("parameter \"{}\" cannot be changed without restarting the server", name);
      continue;
    }
    runtime::log::log("parameter \"{}\" changed to \"{}\"", name, value);
    running.settings.set(name, value, description, context);
    shown.set(name, value, description, context);
  }
  running.reloadable = fresh.reloadable;
}

}  // namespace server::config

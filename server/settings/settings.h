#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/result.h"
#include "server/settings/postgres_settings.h"
#include "server/wal/identity.h"

namespace server::settings {

struct Setting {
  std::string name;
  std::string value;
  std::string description;
  SettingContext context = SettingContext::kPostmaster;
};

// The server's settings as SHOW answers them, in PostgreSQL's spelling and units.
//   Owner: Server builds them and shares them with its workers.
//   Thread: any, since they do not change once they are shared; a reload shares new ones.
//   Invariant: sorted by name, without regard to case; no name twice.
class Settings {
 public:
  // Replaces a setting of the same name.
  void set(std::string name, std::string value, std::string description,
           SettingContext context = SettingContext::kPostmaster);
  // Names are compared without regard to case, as in PostgreSQL; null if there is none.
  const Setting* find(std::string_view name) const;
  const std::vector<Setting>& all() const { return settings_; }

 private:
  std::vector<Setting> settings_;  // by name
};

// Adds the settings that follow from the cluster whose WAL is served (server_version,
// wal_segment_size), and those that libpq's tools ask for.
void add_source_settings(const wal::Identity& identity, Settings& settings);

// The names of the settings that a client is told at its start (GUC_REPORT), in this order;
// docs/protocol.md, 1.5.
std::vector<std::string_view> reported_settings(const wal::Identity& identity);

runtime::Error unrecognized_parameter(std::string_view name);

}  // namespace server::settings

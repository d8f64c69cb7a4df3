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

// What SHOW answers, in PostgreSQL's spelling and units.
//   Owner: Server builds it; each session copies nothing and keeps what it set itself.
//   Thread: any; immutable while sessions run.
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

// "16MB", "64kB", "1GB", "100B": the largest unit that leaves an integer (guc.c's ShowGUCOption).
std::string show_bytes(std::uint64_t bytes);
// "1min", "10s", "500ms", "0".
std::string show_milliseconds(std::int64_t milliseconds);

// The settings that follow from whose WAL it is: server_version and its kin, wal_segment_size, and
// what libpq's tools ask for.
void add_source_settings(const wal::Identity& identity, Settings& settings);

// The values of these are reported at start-up (GUC_REPORT), in this order; see 1.5 of the protocol
// documentation in docs/.
std::vector<std::string_view> reported_settings(const wal::Identity& identity);

runtime::Error unrecognized_parameter(std::string_view name);

}  // namespace server::settings

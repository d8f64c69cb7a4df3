#include "server/settings/settings.h"

#include <algorithm>
#include <utility>

#include "runtime/check.h"
#include "runtime/format.h"
#include "server/settings/units.h"
#include "server/wal/format.h"
#include "server/wire/errors.h"

namespace server::settings {

void Settings::set(std::string name, std::string value, std::string description,
                   SettingContext context) {
  const auto at = std::lower_bound(settings_.begin(), settings_.end(), name,
                                   [](const Setting& setting, std::string_view key) {
                                     return setting_name_less(setting.name, key);
                                   });
  if (at != settings_.end() && !setting_name_less(name, at->name)) {
    *at = {std::move(name), std::move(value), std::move(description), context};
  } else {
    settings_.insert(at, {std::move(name), std::move(value), std::move(description), context});
  }
  DCHECK(std::is_sorted(settings_.begin(), settings_.end(), [](const Setting& a, const Setting& b) {
    return setting_name_less(a.name, b.name);
  }));
}

const Setting* Settings::find(std::string_view name) const { return find_setting(settings_, name); }

void add_source_settings(const wal::Identity& identity, Settings& settings) {
  const int major = wal::major_version(identity.page_magic).value_or(0);
  settings.set("server_version", runtime::format("{}.0 (walcast {})", major, WALCAST_VERSION),
               "Shows the server version.");
  settings.set("server_version_num", runtime::format("{}", major * 10000),
               "Shows the server version as an integer.");
  settings.set("wal_segment_size", show_bytes(identity.segment_size.bytes()),
               "Shows the size of write ahead log segments.");
  settings.set("wal_block_size", runtime::format("{}", wal::kPageBytes),
               "Shows the block size in the write ahead log.");
  settings.set("lc_messages", "C", "Sets the language in which messages are displayed.");
  settings.set("lc_collate", "C", "Shows the collation order locale.");
  settings.set("lc_ctype", "C", "Shows the character classification locale.");
  settings.set("max_identifier_length", "63", "Shows the maximum identifier length.");
  settings.set("data_directory_mode", "0700", "Shows the mode of the data directory.");
  settings.set("server_encoding", "SQL_ASCII",
               "Shows the server (database) character set encoding.");
  settings.set("client_encoding", "SQL_ASCII", "Sets the client's character set encoding.");
  settings.set("application_name", "",
               "Sets the application name to be reported in statistics and logs.");
  settings.set("DateStyle", "ISO, MDY", "Sets the display format for date and time values.");
  settings.set("IntervalStyle", "postgres", "Sets the display format for interval values.");
  settings.set("TimeZone", "UTC",
               "Sets the time zone for displaying and interpreting time stamps.");
  settings.set("integer_datetimes", "on", "Shows whether datetimes are integer based.");
  settings.set("standard_conforming_strings", "on",
               "Causes '...' strings to treat backslashes literally.");
  settings.set("default_transaction_read_only", "off",
               "Sets the default read-only status of new transactions.");
  settings.set("in_hot_standby", "off", "Shows whether hot standby is currently active.");
  settings.set("is_superuser", "on", "Shows whether the current user is a superuser.");
  settings.set("session_authorization", "", "Sets the session user name.");
  if (major >= 16) {
    settings.set("scram_iterations", "4096",
                 "Sets the iteration count for SCRAM secret generation.");
  }
  if (major >= 18) {
    settings.set("search_path", "\"$user\", public",
                 "Sets the schema search order for names that are not schema-qualified.");
  }
}

std::vector<std::string_view> reported_settings(const wal::Identity& identity) {
  std::vector<std::string_view> names{"application_name", "client_encoding", "DateStyle"};
  const int major = wal::major_version(identity.page_magic).value_or(0);
  if (major >= 14) names.push_back("default_transaction_read_only");
  if (major >= 14) names.push_back("in_hot_standby");
  names.insert(names.end(), {"integer_datetimes", "IntervalStyle", "is_superuser"});
  if (major >= 16) names.push_back("scram_iterations");
  if (major >= 18) names.push_back("search_path");
  names.insert(names.end(), {"server_encoding", "server_version", "session_authorization",
                             "standard_conforming_strings", "TimeZone"});
  return names;
}

runtime::Error unrecognized_parameter(std::string_view name) {
  return {.kind = &wire::kUndefinedObject,
          .what = runtime::format("unrecognized configuration parameter \"{}\"", name)};
}

}  // namespace server::settings

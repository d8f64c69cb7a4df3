#pragma once

// PostgreSQL 15's settings as a client may name them (pg_settings). walcast needs the value of
// hardly any; it takes and refuses them as PostgreSQL does, so that a client's options work here
// too.

#include <algorithm>
#include <iterator>
#include <string_view>

#include "server/settings/setting_value.h"
#include "server/wire/text.h"

namespace server::settings {

// Who may set what, and when (GucContext).
enum class SettingContext {
  kInternal,    // nobody
  kPostmaster,  // the operator, before the start
  kSighup,      // the operator, at any time
  kSession,     // a client, for its session
};

// A setting that a client may set for its session; names in any case. Null if there is none.
const SettingDefinition* find_session_setting(std::string_view name);

// A setting that a client may not set. Null if there is none.
struct FixedSetting {
  std::string_view name;
  SettingContext context;
};
const FixedSetting* find_fixed_setting(std::string_view name);

// Compares two names of settings without regard to case (guc_name_compare).
constexpr bool setting_name_less(std::string_view a, std::string_view b) {
  return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
    return wire::lower(x) < wire::lower(y);
  });
}

// The row of that name in a table that is sorted by name; null if there is none.
template <typename Table>
constexpr auto find_setting(const Table& table, std::string_view name) {
  const auto at = std::lower_bound(
      std::begin(table), std::end(table), name,
      [](const auto& row, std::string_view key) { return setting_name_less(row.name, key); });
  const bool found = at != std::end(table) && !setting_name_less(name, at->name);
  return found ? &*at : nullptr;
}

}  // namespace server::settings

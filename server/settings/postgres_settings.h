#pragma once

// PostgreSQL 15's settings, as a client may name them (pg_settings). walcast acts on few of them;
// it takes and refuses all of them as PostgreSQL does, so that a client's options work here too.

#include <algorithm>
#include <iterator>
#include <string_view>

#include "server/settings/setting_value.h"
#include "server/wire/text.h"

namespace server::settings {

// When a setting that no client may set can change (GucContext).
enum class SettingContext {
  kInternal,    // never: it follows from the data
  kPostmaster,  // before the start, by the operator
  kSighup,      // at a reload, by the operator
};

// A setting that a client may set for its session. The name may be in any case; null if there is
// none.
const SettingDefinition* find_session_setting(std::string_view name);

// A setting that a client may not set.
struct FixedSetting {
  std::string_view name;
  SettingContext context;
};
// The name may be in any case; null if there is none.
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

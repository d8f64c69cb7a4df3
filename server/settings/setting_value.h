#pragma once

// The values of settings, as PostgreSQL reads and shows them (guc.c: parse_and_validate_value,
// ShowGUCOption).

#include <string>
#include <string_view>

#include "runtime/result.h"
#include "server/settings/encoding.h"
#include "server/settings/units.h"

namespace server::settings {

enum class SettingKind {
  kBool,
  kNumber,
  kEnum,
  kString,
  kName,  // a string that is cut like an identifier (GUC_IS_NAME)
};

// One setting as PostgreSQL defines it.
struct SettingDefinition {
  std::string_view name;
  SettingKind kind;
  std::string_view initial;  // in base units, as pg_settings.boot_val
  NumberType number = {};
  std::string_view choices = {};  // of enums: separated by a comma and a blank
};

// A value of a setting.
struct SettingValue {
  std::string shown;                        // as SHOW shows it
  double number = 0;                        // of a number, in the unit of its setting
  Encoding encoding = Encoding::kSqlAscii;  // of client_encoding
};

// The value that `text` stands for. The error is PostgreSQL's, with its hint.
runtime::Result<SettingValue> parse_setting(const SettingDefinition& definition,
                                            std::string_view text);

std::string show_bool(bool flag);

}  // namespace server::settings

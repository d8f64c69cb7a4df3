#pragma once

// The values of settings: what PostgreSQL takes for one, and how it shows it (guc.c: parse_int,
// parse_real, convert_to_base_unit, ShowGUCOption).

#include <limits>
#include <string>
#include <string_view>

#include "runtime/result.h"

namespace server::settings {

enum class SettingKind {
  kBool,
  kInteger,
  kReal,
  kEnum,
  kString,
  kName,  // a string that is cut like an identifier (GUC_IS_NAME)
};

// What a bare number counts.
enum class Unit {
  kNone,
  kBytes,
  kKilobytes,
  kBlocks,  // of 8 kB
  kMegabytes,
  kMilliseconds,
  kSeconds,
  kMinutes,
};

inline constexpr double kIntegerMax = std::numeric_limits<int>::max();
inline constexpr double kRealMax = std::numeric_limits<double>::max();

// One setting as PostgreSQL defines it.
struct SettingDefinition {
  std::string_view name;
  SettingKind kind;
  std::string_view initial;  // in base units, as pg_settings.boot_val
  Unit unit = Unit::kNone;   // of integers and reals
  double least = 0;          // so are these
  double most = 0;
  std::string_view choices = {};  // of enums: separated by a comma and a blank
};

// The value that `text` stands for, as SHOW shows it. The error is PostgreSQL's, with its hint.
runtime::Result<std::string> parse_setting(const SettingDefinition& definition,
                                           std::string_view text);

}  // namespace server::settings

#include "server/settings/setting_value.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "runtime/format.h"
#include "server/settings/encoding.h"
#include "server/settings/identifier.h"
#include "server/wire/errors.h"
#include "server/wire/text.h"

namespace server::settings {

using wire::equal_ignoring_case;
using wire::parse_bool;
using wire::trim_left;

namespace {

constexpr double kKilobyte = 1024;
constexpr double kSecond = 1000;  // in milliseconds

// What a unit's name is worth: in bytes, or in milliseconds. The larger ones come first.
struct UnitName {
  std::string_view name;
  double worth;
};
constexpr std::array<UnitName, 5> kMemoryUnits{{{"TB", kKilobyte* kKilobyte* kKilobyte* kKilobyte},
                                                {"GB", kKilobyte* kKilobyte* kKilobyte},
                                                {"MB", kKilobyte* kKilobyte},
                                                {"kB", kKilobyte},
                                                {"B", 1}}};
constexpr std::array<UnitName, 6> kTimeUnits{{{"d", 86400 * kSecond},
                                              {"h", 3600 * kSecond},
                                              {"min", 60 * kSecond},
                                              {"s", kSecond},
                                              {"ms", 1},
                                              {"us", 0.001}}};

bool counts_time(Unit unit) { return unit >= Unit::kMilliseconds; }

std::span<const UnitName> names_of(Unit unit) {
  if (counts_time(unit)) return kTimeUnits;
  return kMemoryUnits;
}

// How much one of a base unit is, and what range errors call it.
UnitName base_of(Unit unit) {
  switch (unit) {
    case Unit::kNone:
      return {"", 1};
    case Unit::kBytes:
      return {"B", 1};
    case Unit::kKilobytes:
      return {"kB", kKilobyte};
    case Unit::kBlocks:
      return {"8kB", 8 * kKilobyte};
    case Unit::kMegabytes:
      return {"MB", kKilobyte * kKilobyte};
    case Unit::kMilliseconds:
      return {"ms", 1};
    case Unit::kSeconds:
      return {"s", kSecond};
    case Unit::kMinutes:
      return {"min", 60 * kSecond};
  }
  return {"", 1};
}

runtime::Error invalid_value(const SettingDefinition& definition, std::string_view text,
                             std::string hint = {}) {
  return {
      .kind = &wire::kInvalidParameterValue,
      .what = runtime::format("invalid value for parameter \"{}\": \"{}\"", definition.name, text),
      .hint = std::move(hint)};
}

// A number as strtol (base 0) or strtod reads it. `text` is what follows, without blanks.
std::optional<double> take_number(std::string_view& text, bool real) {
  const std::string copy(text);
  char* end = nullptr;
  errno = 0;
  double value = 0;
  if (!real) {
    value = static_cast<double>(std::strtol(copy.c_str(), &end, 0));
    real = *end == '.' || *end == 'e' || *end == 'E' || errno == ERANGE;
  }
  if (real) {
    errno = 0;
    value = std::strtod(copy.c_str(), &end);
  }
  if (end == copy.c_str() || errno == ERANGE || std::isnan(value)) return std::nullopt;
  text = trim_left(text.substr(static_cast<std::size_t>(end - copy.c_str())));
  return value;
}

runtime::Result<double> parse_number(const SettingDefinition& definition, std::string_view text) {
  std::string_view rest = text;
  const auto number = take_number(rest, definition.kind == SettingKind::kReal);
  if (!number.has_value()) return invalid_value(definition, text);
  if (rest.empty()) return *number;
  if (definition.unit == Unit::kNone) return invalid_value(definition, text);
  const std::string_view given = rest.substr(0, rest.find_first_of(" \t\n\v\f\r"));
  if (!trim_left(rest.substr(given.size())).empty()) rest = {};  // no unit has a second word
  for (const UnitName& unit : names_of(definition.unit)) {
    if (!rest.empty() && unit.name == given) {
      return *number * unit.worth / base_of(definition.unit).worth;
    }
  }
  return invalid_value(
      definition, text,
      counts_time(definition.unit)
          ? "Valid units for this parameter are \"us\", \"ms\", \"s\", \"min\", \"h\", and \"d\"."
          : "Valid units for this parameter are \"B\", \"kB\", \"MB\", \"GB\", and \"TB\".");
}

std::string show_number(const SettingDefinition& definition, double value) {
  const bool real = definition.kind == SettingKind::kReal;
  const auto number = [&](double n) {
    return real ? runtime::format("{:g}", n) : runtime::format("{}", static_cast<long long>(n));
  };
  // What the kernel is asked for those of a socket has no unit.
  const bool of_socket = definition.name.starts_with("tcp_");
  if (definition.unit == Unit::kNone || value <= 0 || of_socket) return number(value);
  const double amount = value * base_of(definition.unit).worth;
  for (const UnitName& unit : names_of(definition.unit)) {
    const double in_unit = amount / unit.worth;
    if (in_unit == std::floor(in_unit)) return number(in_unit) + std::string(unit.name);
  }
  return number(value) + std::string(base_of(definition.unit).name);
}

runtime::Result<std::string> number(const SettingDefinition& definition, std::string_view text) {
  double value = TRY(parse_number(definition, text));
  const bool real = definition.kind == SettingKind::kReal;
  if (!real) {
    value = std::nearbyint(value);
    if (value > kIntegerMax || value < -kIntegerMax - 1) {
      return invalid_value(definition, text, "Value exceeds integer range.");
    }
  }
  if (value >= definition.least && value <= definition.most) return show_number(definition, value);
  const std::string_view unit = base_of(definition.unit).name;
  const auto shown = [&](double n) {
    return real ? runtime::format("{:g}", n) : runtime::format("{:.0f}", n);
  };
  return runtime::Error{
      .kind = &wire::kInvalidParameterValue,
      .what = runtime::format("{}{}{} is outside the valid range for parameter \"{}\" ({} .. {})",
                              shown(value), unit.empty() ? "" : " ", unit, definition.name,
                              shown(definition.least), shown(definition.most))};
}

// The word of `choices` that is `text` in any case.
std::optional<std::string_view> find_choice(std::string_view choices, std::string_view text) {
  for (std::string_view rest = choices; !rest.empty();) {
    const std::string_view word = rest.substr(0, rest.find(", "));
    if (equal_ignoring_case(word, text)) return word;
    rest.remove_prefix(std::min(rest.size(), word.size() + 2));
  }
  return std::nullopt;
}

runtime::Result<std::string> choice(const SettingDefinition& definition, std::string_view text) {
  if (const auto word = find_choice(definition.choices, text)) return std::string(*word);
  // Where "on" and "off" are among them, a boolean's other words are too, but not their beginnings.
  if (find_choice("true, false, yes, no, 1, 0", text)) {
    const std::string_view flag = *parse_bool(text) ? "on" : "off";
    if (find_choice(definition.choices, flag)) return std::string(flag);
  }
  return invalid_value(definition, text,
                       runtime::format("Available values: {}.", definition.choices));
}

// What application_name may not show becomes a question mark (check_application_name).
std::string printable(std::string_view text) {
  std::string clean(text);
  for (char& c : clean) {
    if (c < ' ' || c > '~') c = '?';
  }
  return clean;
}

runtime::Error invalid_detail(const SettingDefinition& definition, std::string_view text,
                              std::string detail) {
  runtime::Error error = invalid_value(definition, text);
  error.detail = std::move(detail);
  return error;
}

runtime::Result<std::vector<std::string>> list(const SettingDefinition& definition,
                                               std::string_view text) {
  auto names = split_identifiers(text);
  if (names.has_value()) return std::move(*names);
  return invalid_detail(definition, text, "List syntax is invalid.");
}

runtime::Error unrecognized_word(const SettingDefinition& definition, std::string_view text,
                                 std::string_view word) {
  return invalid_detail(definition, text, runtime::format("Unrecognized key word: \"{}\".", word));
}

// A style and an order of day, month and year, in any order and either alone (check_datestyle).
runtime::Result<std::string> date_style(const SettingDefinition& definition,
                                        std::string_view text) {
  std::string_view style;
  std::string_view order;
  bool conflict = false;
  const auto put = [&](std::string_view& part, std::string_view value) {
    conflict = conflict || (!part.empty() && part != value);
    part = value;
  };
  for (const std::string& word : TRY(list(definition, text))) {
    const auto begins = [&](std::string_view with) { return word.starts_with(with); };
    if (word == "iso") {
      put(style, "ISO");
    } else if (word == "sql") {
      put(style, "SQL");
    } else if (begins("postgres")) {
      put(style, "Postgres");
    } else if (word == "german") {
      put(style, "German");
    } else if (word == "ymd") {
      put(order, "YMD");
    } else if (word == "dmy" || begins("euro")) {
      put(order, "DMY");
    } else if (word == "mdy" || word == "us" || begins("noneuro")) {
      put(order, "MDY");
    } else if (word != "default") {
      return unrecognized_word(definition, text, word);
    }
  }
  if (conflict) {
    return invalid_detail(definition, text, "Conflicting \"datestyle\" specifications.");
  }
  if (order.empty()) order = style == "German" ? "DMY" : "MDY";
  return runtime::format("{}, {}", style.empty() ? "ISO" : style, order);
}

// Those strings that are lists of names, and what these may be; empty: anything.
struct ListChoices {
  std::string_view setting;
  std::string_view words;
};
constexpr std::array<ListChoices, 4> kLists{
    {{"restrict_nonsystem_relation_kind", "view, foreign-table"},
     {"search_path", {}},
     {"temp_tablespaces", {}},
     {"wal_consistency_checking",
      "all, heap2, heap, btree, hash, gin, gist, sequence, spgist, brin, generic"}}};

// What PostgreSQL looks at without a database (guc.c: the check hooks). Other strings are taken as
// they are: walcast has no locales, time zones and catalogs to look them up in.
runtime::Result<void> check_string(const SettingDefinition& definition, std::string_view text) {
  for (const ListChoices& choices : kLists) {
    if (choices.setting != definition.name) continue;
    for (const std::string& word : TRY(list(definition, text))) {
      const bool known = choices.words.empty() || find_choice(choices.words, word);
      if (!known) return unrecognized_word(definition, text, word);
    }
  }
  if (definition.name == "backtrace_functions" &&
      text.find_first_not_of("0123456789_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ, "
                             "\n\t") != std::string_view::npos) {
    return invalid_detail(definition, text, "invalid character");
  }
  if (definition.name == "default_table_access_method" && text.empty()) {
    return invalid_detail(definition, text, "default_table_access_method cannot be empty.");
  }
  if ((definition.name == "lc_messages" || definition.name == "TimeZone") && text.empty()) {
    return invalid_value(definition, text);
  }
  return {};
}

}  // namespace

runtime::Result<std::string> parse_setting(const SettingDefinition& definition,
                                           std::string_view text) {
  switch (definition.kind) {
    case SettingKind::kInteger:
    case SettingKind::kReal:
      return number(definition, text);
    case SettingKind::kEnum:
      return choice(definition, text);
    case SettingKind::kBool: {
      const auto flag = parse_bool(text);
      if (flag.has_value()) return std::string(*flag ? "on" : "off");
      return runtime::Error{
          .kind = &wire::kInvalidParameterValue,
          .what = runtime::format("parameter \"{}\" requires a Boolean value", definition.name)};
    }
    case SettingKind::kString:
    case SettingKind::kName:
      break;
  }
  if (definition.name == "application_name") return printable(text);
  if (definition.name == "DateStyle") return date_style(definition, text);
  if (definition.name == "client_encoding") {
    const auto encoding = find_encoding(text);
    if (encoding.empty()) return invalid_value(definition, text);
    return std::string(encoding);
  }
  TRY(check_string(definition, text));
  return std::string(text);
}

}  // namespace server::settings

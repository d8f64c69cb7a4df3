#include "server/settings/setting_value.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>
#include <vector>

#include "runtime/format.h"
#include "server/settings/identifier.h"
#include "server/wire/errors.h"
#include "server/wire/text.h"

namespace server::settings {

using wire::equal_ignoring_case;
using wire::parse_bool;

namespace {

runtime::Error invalid_value(const SettingDefinition& definition, std::string_view text,
                             std::string hint = {}) {
  return {
      .kind = &wire::kInvalidParameterValue,
      .what = runtime::format("invalid value for parameter \"{}\": \"{}\"", definition.name, text),
      .hint = std::move(hint)};
}

runtime::Result<SettingValue> number(const SettingDefinition& definition, std::string_view text) {
  const double value = TRY(parse_number(definition.number, definition.name, text));
  NumberType shown_as = definition.number;
  // The settings of a socket are shown without a unit (show_tcp_keepalives_idle and the like).
  if (definition.name.starts_with("tcp_")) shown_as.unit = Unit::kNone;
  return SettingValue{.shown = show_number(shown_as, value), .number = value};
}

runtime::Result<SettingValue> flag(const SettingDefinition& definition, std::string_view text) {
  const auto parsed = parse_bool(text);
  if (parsed.has_value()) return SettingValue{.shown = show_bool(*parsed)};
  return runtime::Error{
      .kind = &wire::kInvalidParameterValue,
      .what = runtime::format("parameter \"{}\" requires a Boolean value", definition.name)};
}

runtime::Result<SettingValue> encoding(const SettingDefinition& definition, std::string_view text) {
  const auto found = find_encoding(text);
  if (!found.has_value()) return invalid_value(definition, text);
  // PostgreSQL reports the canonical name, or "UNICODE" if the client spelled it exactly so
  // (check_client_encoding).
  const std::string_view name = text == "UNICODE" ? text : name_of(*found);
  return SettingValue{.shown = std::string(name), .encoding = *found};
}

// The word of `choices` that equals `text`, in any case.
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
  // An enum with "on" and "off" also takes the other words of a boolean, but not their beginnings.
  if (find_choice("true, false, yes, no, 1, 0", text)) {
    const std::string flag = show_bool(*parse_bool(text));
    if (find_choice(definition.choices, flag)) return flag;
  }
  return invalid_value(definition, text,
                       runtime::format("Available values: {}.", definition.choices));
}

// Every character that is not printable ASCII becomes a question mark (check_application_name).
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

// A setting that is a list of names, and the names that it may have; empty: any.
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

// The checks that PostgreSQL makes without a database (guc.c: the check hooks). All other strings
// are taken as they are: walcast has no locales, time zones and catalogs to look them up in.
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

// A string as SHOW shows it.
runtime::Result<std::string> string(const SettingDefinition& definition, std::string_view text) {
  if (definition.name == "application_name") return printable(text);
  if (definition.name == "DateStyle") return date_style(definition, text);
  TRY(check_string(definition, text));
  return std::string(text);
}

}  // namespace

std::string show_bool(bool flag) { return flag ? "on" : "off"; }

runtime::Result<SettingValue> parse_setting(const SettingDefinition& definition,
                                            std::string_view text) {
  switch (definition.kind) {
    case SettingKind::kNumber:
      return number(definition, text);
    case SettingKind::kBool:
      return flag(definition, text);
    case SettingKind::kEnum:
      return SettingValue{.shown = TRY(choice(definition, text))};
    case SettingKind::kString:
    case SettingKind::kName:
      break;
  }
  if (definition.name == "client_encoding") return encoding(definition, text);
  return SettingValue{.shown = TRY(string(definition, text))};
}

}  // namespace server::settings

#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/check.h"
#include "runtime/result.h"
#include "server/settings/assignment.h"
#include "server/settings/option_types.h"
#include "server/settings/postgres_settings.h"
#include "server/settings/settings.h"

namespace server::settings {

// The options of one command. Each has one definition, which gives its flag ("--wal-keep-size"),
// its name in the file and in SHOW ("wal_keep_size"), its type, its default and its help.
//   Owner: the function that parses a command line.  Thread: its.
//   Borrows: the settings that SHOW will show, or null if the command has no SHOW; the variable
//   that each option is put in. All of them outlive the parsing.
//   Invariant: every variable has its default, or what was assigned last.
class Options {
 public:
  explicit Options(Settings* shown) : shown_(shown) {}

  // The default is given as text, so that it is shown in help and checked like any other.
  template <typename Value>
  void add(const std::string& flag, Value& value, const std::string& initial,
           const OptionType<Value>& type, const std::string& help,
           SettingContext context = SettingContext::kPostmaster) {
    Definition definition = define(flag, value, initial, type, help);
    definition.context = context;
    add_definition(std::move(definition));
  }
  // An option that is on if it is given as a flag without a value.
  void add_switch(const std::string& flag, bool& value, const std::string& help);

  // What a command line alone may say, and SHOW does not show.
  void add_flag(const std::string& flag, std::string& value, const std::string& help);
  void add_flag_switch(const std::string& flag, bool& value, const std::string& help);

  // `name` is a flag's without the hyphens in front, with hyphens or underscores within.
  bool has(std::string_view name) const { return find(name) != nullptr; }
  bool is_switch(std::string_view name) const;

  // Puts a value in its variable, and shows it. The error is what an operator reads; the variable
  // is left as it was then.
  runtime::Result<void> assign(const Assignment& assignment);

  // What each option is for, as lines of a help.
  std::string help() const;

 private:
  struct Definition {
    std::string flag;  // with hyphens
    std::string name;  // with underscores
    std::string initial;
    std::string help;
    SettingContext context = SettingContext::kPostmaster;
    Unit bare = Unit::kNone;
    bool is_switch = false;
    bool is_setting = true;  // else only of the command line
    // Puts a text in the option's variable, and returns what SHOW shows of it.
    std::function<runtime::Result<std::string>(std::string_view)> take;
  };

  static std::string name_of_flag(std::string_view flag);
  const Definition* find(std::string_view name) const;
  void add_definition(Definition definition);
  template <typename Value>
  static Definition define(const std::string& flag, Value& value, const std::string& initial,
                           const OptionType<Value>& type, const std::string& help) {
    const std::string name = name_of_flag(flag);
    const auto take = [name, &value, type](std::string_view text) -> runtime::Result<std::string> {
      value = TRY(type.parse(name, text));
      return type.show(value);
    };
    return {.flag = flag,
            .name = name,
            .initial = initial,
            .help = help,
            .bare = type.bare,
            .take = take};
  }
  void show(const Definition& definition, std::string value) const;

  std::vector<Definition> definitions_;
  Settings* shown_;
};

}  // namespace server::settings

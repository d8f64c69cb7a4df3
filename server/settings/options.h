#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "runtime/result.h"
#include "server/settings/option_types.h"
#include "server/settings/postgres_settings.h"
#include "server/settings/settings.h"

namespace CLI {
class App;
}

namespace server::settings {

// The options of one command. Each has one definition, which gives its flag ("--wal-keep-size"),
// its name in the file and in SHOW ("wal_keep_size"), its type, its default and its help.
//   Owner: the function that parses a command line.  Thread: its.
//   Borrows: the command; the settings that SHOW will show, or null if the command has no SHOW; the
//   variable that each option is put in. All of them outlive the parsing.
class Options {
 public:
  Options(CLI::App& command, Settings* shown) : command_(command), shown_(shown) {}

  // The default is given as text, so that it is shown in help and checked like any other.
  template <typename Value>
  void add(const std::string& flag, Value& value, const std::string& initial,
           const OptionType<Value>& type, const std::string& help,
           SettingContext context = SettingContext::kPostmaster) const {
    const auto take = [flag, &value, type](std::string_view text) -> runtime::Result<std::string> {
      auto parsed = type.parse(text);
      if (!parsed.has_value()) return invalid(flag, text, type.explain);
      value = std::move(*parsed);
      return type.show(value);
    };
    add_text({flag, initial, help, context}, take);
  }

  // An option that is on if it is given without a value.
  void add_switch(const std::string& flag, bool& value, const std::string& help) const;

 private:
  struct Definition {
    std::string flag;
    std::string initial;
    std::string help;
    SettingContext context;
  };
  // Puts a text in the option's variable, and returns what SHOW shows of it.
  using Take = std::function<runtime::Result<std::string>(std::string_view)>;

  static runtime::Error invalid(const std::string& flag, std::string_view text,
                                const std::function<std::string(std::string_view)>& explain);
  void add_text(const Definition& definition, const Take& take) const;
  void show(const Definition& definition, std::string value) const;

  CLI::App& command_;
  Settings* shown_;
};

}  // namespace server::settings

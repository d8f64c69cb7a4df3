#include "server/settings/options.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdint>

#include "runtime/format.h"
#include "server/settings/setting_value.h"
#include "server/wire/errors.h"

namespace server::settings {

namespace {

std::string underscored(std::string flag) {
  std::replace(flag.begin(), flag.end(), '-', '_');
  return flag;
}

// Both names of an option, as CLI11 takes them: "--wal-keep-size,--wal_keep_size".
std::string both_names(const std::string& flag) {
  const std::string in_file = underscored(flag);
  return in_file == flag ? "--" + flag : "--" + flag + ",--" + in_file;
}

}  // namespace

runtime::Error Options::invalid(const std::string& flag, std::string_view text,
                                const std::function<std::string(std::string_view)>& explain) {
  return {.kind = &wire::kInvalidParameterValue,
          .what = explain
                      ? explain(text)
                      : runtime::format("invalid value for parameter \"{}\": \"{}\"", flag, text)};
}

void Options::add_text(const Definition& definition, const Take& take) const {
  const auto on_text = [options = *this, definition, take](const std::string& text) {
    auto shown = take(text);
    if (!shown) throw CLI::ValidationError(shown.error().what);  // CLI11's way to refuse a value
    options.show(definition, std::move(*shown));
  };
  command_.add_option_function<std::string>(both_names(definition.flag), on_text, definition.help)
      ->default_str(definition.initial)
      ->force_callback();
}

void Options::add_switch(const std::string& flag, bool& value, const std::string& help) const {
  const Definition definition{flag, {}, help, SettingContext::kPostmaster};
  show(definition, show_bool(value));
  const auto on_count = [options = *this, definition, &value](std::int64_t count) {
    value = count > 0;
    options.show(definition, show_bool(value));
  };
  command_.add_flag_function(both_names(flag), on_count, help);
}

void Options::show(const Definition& definition, std::string value) const {
  if (shown_ == nullptr) return;
  shown_->set(underscored(definition.flag), std::move(value), definition.help, definition.context);
}

}  // namespace server::settings

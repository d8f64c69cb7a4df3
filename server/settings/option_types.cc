#include "server/settings/option_types.h"

#include <CLI/CLI.hpp>
#include <chrono>
#include <limits>
#include <utility>

#include "runtime/check.h"
#include "runtime/format.h"
#include "server/settings/postgres_settings.h"
#include "server/settings/setting_value.h"
#include "server/settings/settings.h"
#include "server/settings/units.h"

namespace server::settings {

const OptionType<bool> kBooleanOption{
    [](std::string_view text) -> std::optional<bool> {
      const auto shown =
          parse_setting({.name = "", .kind = SettingKind::kBool, .initial = "off"}, text);
      return shown ? std::optional(*shown == "on") : std::nullopt;
    },
    [](const bool& flag) { return std::string(flag ? "on" : "off"); }};

const OptionType<runtime::Duration> kDurationOption{
    parse_duration, [](const runtime::Duration& duration) {
      return show_milliseconds(
          std::chrono::duration_cast<std::chrono::milliseconds>(duration).count());
    }};

OptionType<int> as_postgres(std::string_view setting) {
  const SettingDefinition* definition = find_session_setting(setting);
  CHECK(definition != nullptr);
  const auto parse = [definition](std::string_view text) -> std::optional<int> {
    const auto shown = parse_setting(*definition, text);
    return shown ? integer<int>(0, std::numeric_limits<int>::max()).parse(*shown) : std::nullopt;
  };
  return {parse, [](const int& value) { return std::to_string(value); }};
}

const OptionType<runtime::Duration> kSecondsOption{
    [](std::string_view text) {
      const bool bare = text.find_first_not_of("0123456789") == std::string_view::npos;
      return parse_duration(bare ? std::string(text) + "s" : std::string(text));
    },
    kDurationOption.show};

constexpr SettingDefinition kAuthenticationTimeoutDefinition{.name = "authentication_timeout",
                                                             .kind = SettingKind::kInteger,
                                                             .initial = "60",
                                                             .unit = Unit::kSeconds,
                                                             .least = 1,
                                                             .most = 600};
const OptionType<runtime::Duration> kAuthenticationTimeoutOption{
    [](std::string_view text) -> std::optional<runtime::Duration> {
      const auto shown = parse_setting(kAuthenticationTimeoutDefinition, text);
      return shown ? parse_duration(*shown) : std::nullopt;
    },
    kDurationOption.show,
    [](std::string_view text) {
      return parse_setting(kAuthenticationTimeoutDefinition, text).error().what;
    }};

const OptionType<std::uint64_t> kBytesOption{
    [](std::string_view text) { return parse_bytes(text); }, show_bytes};

const OptionType<std::uint64_t> kMegabytesOption{
    [](std::string_view text) { return parse_bytes(text, 1ull << 20); }, show_bytes};

const OptionType<std::optional<std::uint64_t>> kMegabytesOrNoneOption{
    [](std::string_view text) -> std::optional<std::optional<std::uint64_t>> {
      if (text == "-1") return std::optional<std::uint64_t>();
      const auto bytes = kMegabytesOption.parse(text);
      return bytes ? std::optional(bytes) : std::nullopt;
    },
    [](const auto& bytes) { return bytes ? show_bytes(*bytes) : "-1"; }};

const OptionType<wal::SegmentSize> kSegmentSizeOption{
    [](std::string_view text) -> std::optional<wal::SegmentSize> {
      const auto size = parse_bytes(text);
      if (!size.has_value() || !wal::SegmentSize::is_valid(*size)) return std::nullopt;
      return wal::SegmentSize(static_cast<std::uint32_t>(*size));
    },
    [](const wal::SegmentSize& size) { return show_bytes(size.bytes()); }};

const OptionType<wal::RecordMix> kRecordSizesOption{
    [](std::string_view text) -> std::optional<wal::RecordMix> {
      const auto dots = text.find("..");
      const auto parse = integer<std::uint32_t>(24, 1u << 30).parse;
      const auto least = parse(text.substr(0, dots));
      const auto most = dots == std::string_view::npos ? least : parse(text.substr(dots + 2));
      if (!least || !most || *least > *most) return std::nullopt;
      return wal::RecordMix{.record_bytes_min = *least, .record_bytes_max = *most};
    },
    [](const wal::RecordMix& mix) {
      return runtime::format("{}..{}", mix.record_bytes_min, mix.record_bytes_max);
    }};

const OptionType<std::uint32_t> kCopyThresholdOption{
    [](std::string_view text) -> std::optional<std::uint32_t> {
      const auto size = parse_bytes(text);
      if (!size || *size > 131072) return std::nullopt;
      return static_cast<std::uint32_t>(*size);
    },
    [](const std::uint32_t& size) { return show_bytes(size); }};

constexpr std::pair<std::string_view, runtime::log::Level> kLogLevels[] = {
    {"debug", runtime::log::Level::kDebug}, {"info", runtime::log::Level::kInfo},
    {"log", runtime::log::Level::kLog},     {"warning", runtime::log::Level::kWarning},
    {"error", runtime::log::Level::kError}, {"fatal", runtime::log::Level::kFatal}};
const OptionType<runtime::log::Level> kLogLevelOption{
    [](std::string_view text) -> std::optional<runtime::log::Level> {
      for (const auto& [name, level] : kLogLevels) {
        if (text == name) return level;
      }
      return std::nullopt;
    },
    [](const runtime::log::Level& level) {
      return std::string(kLogLevels[static_cast<std::size_t>(level)].first);
    }};

const OptionType<std::vector<std::string>> kAddressesOption{
    [](std::string_view text) -> std::optional<std::vector<std::string>> {
      auto list = CLI::detail::split(std::string(text) + ',', ',');  // or an empty last one is lost
      for (std::string& address : list) {
        if (CLI::detail::trim(address).empty()) return std::nullopt;
      }
      return list;
    },
    [](const std::vector<std::string>& list) { return CLI::detail::join(list, ","); }};

}  // namespace server::settings

#include "server/settings/option_types.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

#include "runtime/check.h"
#include "runtime/format.h"
#include "server/settings/postgres_settings.h"
#include "server/settings/setting_value.h"
#include "server/wal/format.h"
#include "server/wire/text.h"

namespace server::settings {

OptionType<bool> boolean() { return {wire::parse_bool, show_bool}; }

OptionType<std::string> text() {
  return {[](std::string_view value) { return std::optional(std::string(value)); },
          [](const std::string& value) { return value; }};
}

OptionType<std::string> secret() {
  return {text().parse,
          [](const std::string& value) { return std::string(value.empty() ? "" : "********"); }};
}

OptionType<std::vector<std::string>> addresses() {
  const auto parse = [](std::string_view text) -> std::optional<std::vector<std::string>> {
    std::vector<std::string> list;
    for (std::string_view rest = text;;) {
      const auto comma = rest.find(',');
      list.emplace_back(wire::trim(rest.substr(0, comma)));
      if (list.back().empty()) return std::nullopt;
      if (comma == std::string_view::npos) return list;
      rest.remove_prefix(comma + 1);
    }
  };
  const auto show = [](const std::vector<std::string>& list) {
    std::string shown;
    for (const std::string& address : list) shown += (shown.empty() ? "" : ",") + address;
    return shown;
  };
  return {parse, show};
}

OptionType<std::optional<std::uint64_t>> bytes_or_none(Unit bare) {
  return {[bare](std::string_view text) -> std::optional<std::optional<std::uint64_t>> {
            if (text == "-1") return std::optional<std::uint64_t>();
            const auto size = parse_bytes(text, bare);
            return size ? std::optional(size) : std::nullopt;
          },
          [](const auto& size) { return size ? show_bytes(*size) : "-1"; }};
}

OptionType<std::uint64_t> rate_or_none() {
  return {
      [](std::string_view text) -> std::optional<std::uint64_t> {
        if (text.empty()) return 0;
        const auto rate = parse_rate(text);
        return rate.value_or(0) > 0 ? rate : std::nullopt;
      },
      [](const std::uint64_t& rate) { return rate > 0 ? show_bytes(rate) + "/s" : std::string(); }};
}

OptionType<runtime::Duration> duration(Unit bare) {
  return {[bare](std::string_view text) { return parse_duration(text, bare); }, show_duration};
}

OptionType<runtime::Duration> postgres_seconds(std::string_view name, int least, int most) {
  const auto parse = [name, type = NumberType{.unit = Unit::kSeconds,
                                              .least = static_cast<double>(least),
                                              .most = static_cast<double>(most)}](
                         std::string_view text) { return parse_number(type, name, text); };
  return {[parse](std::string_view text) -> std::optional<runtime::Duration> {
            const auto seconds = parse(text);
            if (!seconds) return std::nullopt;
            return std::chrono::seconds(static_cast<int>(*seconds));
          },
          show_duration, [parse](std::string_view text) { return parse(text).error().what; }};
}

OptionType<int> as_postgres(std::string_view setting) {
  const SettingDefinition* definition = find_session_setting(setting);
  CHECK(definition != nullptr && definition->kind == SettingKind::kNumber &&
        definition->number.whole);
  return {[definition](std::string_view text) -> std::optional<int> {
            const auto number = parse_number(definition->number, definition->name, text);
            return number ? std::optional(static_cast<int>(*number)) : std::nullopt;
          },
          [](const int& value) { return std::to_string(value); }};
}

OptionType<wal::SegmentSize> segment_size() {
  return {[](std::string_view text) -> std::optional<wal::SegmentSize> {
            const auto size = parse_bytes(text);
            if (!size.has_value() || !wal::SegmentSize::is_valid(*size)) return std::nullopt;
            return wal::SegmentSize(static_cast<std::uint32_t>(*size));
          },
          [](const wal::SegmentSize& size) { return show_bytes(size.bytes()); }};
}

OptionType<wal::RecordMix> record_sizes() {
  const auto size = integer(wal::kRecordHeaderBytes, wal::kRecordBytesMax);
  return {[parse = size.parse](std::string_view text) -> std::optional<wal::RecordMix> {
            const auto dots = text.find("..");
            const auto least = parse(text.substr(0, dots));
            const auto most = dots == std::string_view::npos ? least : parse(text.substr(dots + 2));
            if (!least || !most || *least > *most) return std::nullopt;
            return wal::RecordMix{.record_bytes_min = *least, .record_bytes_max = *most};
          },
          [](const wal::RecordMix& mix) {
            return runtime::format("{}..{}", mix.record_bytes_min, mix.record_bytes_max);
          }};
}

namespace {

using runtime::log::Level;
constexpr std::array<std::pair<std::string_view, Level>, 6> kLogLevels{
    {{"debug", Level::kDebug},
     {"info", Level::kInfo},
     {"log", Level::kLog},
     {"warning", Level::kWarning},
     {"error", Level::kError},
     {"fatal", Level::kFatal}}};

}  // namespace

OptionType<runtime::log::Level> log_level() {
  return {[](std::string_view text) -> std::optional<Level> {
            for (const auto& [name, level] : kLogLevels) {
              if (text == name) return level;
            }
            return std::nullopt;
          },
          [](const Level& level) {
            const auto* const row = std::find_if(kLogLevels.begin(), kLogLevels.end(),
                                                 [&](const auto& r) { return r.second == level; });
            CHECK(row != kLogLevels.end());
            return std::string(row->first);
          }};
}

}  // namespace server::settings

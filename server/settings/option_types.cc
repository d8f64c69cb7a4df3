#include "server/settings/option_types.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <utility>

#include "runtime/check.h"
#include "runtime/format.h"
#include "server/settings/postgres_settings.h"
#include "server/settings/setting_value.h"
#include "server/wal/format.h"
#include "server/wire/errors.h"
#include "server/wire/text.h"

namespace server::settings {

using runtime::format;
using runtime::Result;

runtime::Fail invalid_value(std::string_view name, std::string_view text, std::string hint) {
  return runtime::Fail({.kind = &wire::kInvalidParameterValue,
                        .what = format("invalid value for parameter \"{}\": \"{}\"", name, text),
                        .hint = std::move(hint)});
}

OptionType<bool> boolean() {
  return {[](std::string_view name, std::string_view text) -> Result<bool> {
            if (const auto flag = wire::parse_bool(text)) return *flag;
            return runtime::Error{
                .kind = &wire::kInvalidParameterValue,
                .what = format("parameter \"{}\" requires a Boolean value", name)};
          },
          show_bool};
}

OptionType<std::string> text() {
  return {[](std::string_view /*name*/, std::string_view value) -> Result<std::string> {
            return std::string(value);
          },
          [](const std::string& value) { return value; }};
}

OptionType<std::string> secret() {
  return {text().parse,
          [](const std::string& value) { return std::string(value.empty() ? "" : "********"); }};
}

OptionType<std::vector<std::string>> comma_list() {
  const auto parse = [](std::string_view name,
                        std::string_view text) -> Result<std::vector<std::string>> {
    std::vector<std::string> list;
    if (wire::trim(text).empty()) return list;
    for (std::string_view rest = text;;) {
      const auto comma = rest.find(',');
      list.emplace_back(wire::trim(rest.substr(0, comma)));
      if (list.back().empty()) {
        return invalid_value(name, text, "Write values that are separated by commas.");
      }
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

OptionType<unsigned> file_mode() {
  const NumberType type{.least = 0, .most = 0777};
  return {[type](std::string_view name, std::string_view text) -> Result<unsigned> {
            return static_cast<unsigned>(TRY(parse_number(type, name, text)));
          },
          [](const unsigned& mode) { return format("{:04o}", mode); }};
}

OptionType<double> real(double least, double most) {
  const NumberType type{.whole = false, .least = least, .most = most};
  return {[type](std::string_view name, std::string_view text) {
            return parse_number(type, name, text);
          },
          [type](const double& value) { return show_number(type, value); }};
}

OptionType<std::uint64_t> seed() {
  return {[](std::string_view name, std::string_view text) -> Result<std::uint64_t> {
            std::uint64_t number = 0;
            const char* const end = text.data() + text.size();
            const auto read = std::from_chars(text.data(), end, number);
            if (read.ec == std::errc{} && read.ptr == end) return number;
            return invalid_value(name, text, "Write a whole number of at most 64 bits.");
          },
          [](const std::uint64_t& number) { return std::to_string(number); }};
}

OptionType<std::optional<std::uint64_t>> bytes_or_none(Unit bare) {
  using Size = std::optional<std::uint64_t>;
  return {[bare](std::string_view name, std::string_view text) -> Result<Size> {
            if (wire::trim(text) == "-1") return Size();
            return Size(TRY(parse_bytes(name, text, bare)));
          },
          [](const Size& size) { return size ? show_bytes(*size) : "-1"; }, bare};
}

OptionType<std::uint64_t> rate_or_none() {
  return {
      [](std::string_view name, std::string_view text) -> Result<std::uint64_t> {
        if (text.empty()) return std::uint64_t{0};
        const auto rate = parse_rate(name, text);
        if (rate && *rate > 0) return *rate;
        return invalid_value(name, text,
                             "Write a rate of more than 0, such as 50MB/s. Valid units are "
                             "\"B/s\", \"kB/s\", \"MB/s\", \"GB/s\", and \"TB/s\".");
      },
      [](const std::uint64_t& rate) { return rate > 0 ? show_bytes(rate) + "/s" : std::string(); }};
}

OptionType<runtime::Duration> duration(Unit bare) {
  return {[bare](std::string_view name, std::string_view text) {
            return parse_duration(name, text, bare);
          },
          show_duration, bare};
}

namespace {

// An int that counts `unit`s, each of which lasts `each`.
OptionType<runtime::Duration> whole(Unit unit, runtime::Duration each, int least, int most) {
  const NumberType type{
      .unit = unit, .least = static_cast<double>(least), .most = static_cast<double>(most)};
  return {[type, each](std::string_view name, std::string_view text) -> Result<runtime::Duration> {
            return each * static_cast<int>(TRY(parse_number(type, name, text)));
          },
          show_duration, unit};
}

}  // namespace

OptionType<runtime::Duration> whole_seconds(int least, int most) {
  return whole(Unit::kSeconds, std::chrono::seconds(1), least, most);
}

OptionType<runtime::Duration> whole_milliseconds(int least, int most) {
  return whole(Unit::kMilliseconds, std::chrono::milliseconds(1), least, most);
}

OptionType<int> as_postgres(std::string_view setting) {
  const SettingDefinition* definition = find_session_setting(setting);
  CHECK(definition != nullptr && definition->kind == SettingKind::kNumber &&
        definition->number.whole);
  return {[definition](std::string_view name, std::string_view text) -> Result<int> {
            return static_cast<int>(TRY(parse_number(definition->number, name, text)));
          },
          [](const int& value) { return std::to_string(value); }, definition->number.unit};
}

OptionType<wal::SegmentSize> segment_size() {
  return {[](std::string_view name, std::string_view text) -> Result<wal::SegmentSize> {
            const std::uint64_t size = TRY(parse_bytes(name, text));
            if (wal::SegmentSize::is_valid(size)) {
              return wal::SegmentSize(static_cast<std::uint32_t>(size));
            }
            return invalid_value(name, text, "It must be a power of two between 1MB and 1GB.");
          },
          [](const wal::SegmentSize& size) { return show_bytes(size.bytes()); }, Unit::kBytes};
}

OptionType<wal::Lsn> lsn_or(wal::Lsn none) {
  return {[none](std::string_view name, std::string_view text) -> Result<wal::Lsn> {
            if (text.empty()) return none;
            if (const auto lsn = wal::parse_lsn(text)) return *lsn;
            return invalid_value(name, text, "Write a position as \"16/B374D848\".");
          },
          [none](const wal::Lsn& lsn) { return lsn == none ? std::string() : to_string(lsn); }};
}

OptionType<wal::RecordMix> record_sizes() {
  const auto size = integer(wal::kRecordHeaderBytes, wal::kRecordBytesMax);
  return {
      [parse = size.parse](std::string_view name, std::string_view text) -> Result<wal::RecordMix> {
        const auto dots = text.find("..");
        const auto least = parse(name, text.substr(0, dots));
        const auto most =
            dots == std::string_view::npos ? least : parse(name, text.substr(dots + 2));
        if (least && most && *least <= *most) {
          return wal::RecordMix{.record_bytes_min = *least, .record_bytes_max = *most};
        }
        return invalid_value(
            name, text,
            format("Write one size in bytes or a range such as 50..8000, between {} and {}.",
                   wal::kRecordHeaderBytes, wal::kRecordBytesMax));
      },
      [](const wal::RecordMix& mix) {
        return format("{}..{}", mix.record_bytes_min, mix.record_bytes_max);
      },
      Unit::kBytes};
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

std::string log_level_choices() {
  std::string choices;
  for (const auto& [name, level] : kLogLevels) {
    choices += choices.empty() ? "" : ", ";
    choices += name;
  }
  return choices;
}

}  // namespace

OptionType<runtime::log::Level> log_level() {
  return {[](std::string_view parameter, std::string_view text) -> Result<Level> {
            for (const auto& [name, level] : kLogLevels) {
              if (wire::equal_ignoring_case(text, name)) return level;
            }
            return invalid_value(parameter, text,
                                 format("Available values: {}.", log_level_choices()));
          },
          [](const Level& level) {
            const auto* const row = std::find_if(kLogLevels.begin(), kLogLevels.end(),
                                                 [&](const auto& r) { return r.second == level; });
            CHECK(row != kLogLevels.end());
            return std::string(row->first);
          }};
}

}  // namespace server::settings

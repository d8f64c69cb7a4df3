#pragma once

// What the options of the command line may be set to, and how SHOW shows it.

#include <charconv>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/clock.h"
#include "runtime/log.h"
#include "server/wal/generator.h"
#include "server/wal/lsn.h"

namespace server::settings {

// What the text of an option stands for, and how SHOW shows it.
template <typename Value>
struct OptionType {
  std::function<std::optional<Value>(std::string_view)> parse;
  std::function<std::string(const Value&)> show;
  // What is wrong with a text that is none, if there is more to say than that.
  std::function<std::string(std::string_view)> explain = {};
};

template <typename Integer>
OptionType<Integer> integer(Integer least, Integer most) {
  const auto parse = [least, most](std::string_view text) -> std::optional<Integer> {
    Integer value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    if (value < least || value > most) return std::nullopt;
    return value;
  };
  return {parse, [](const Integer& value) { return std::to_string(value); }};
}

// As PostgreSQL takes its setting of that name, in its unit.
OptionType<int> as_postgres(std::string_view setting);

extern const OptionType<bool> kBooleanOption;
extern const OptionType<runtime::Duration> kDurationOption;
// The intervals that PostgreSQL counts in seconds where they have no unit.
extern const OptionType<runtime::Duration> kSecondsOption;
extern const OptionType<runtime::Duration> kAuthenticationTimeoutOption;
extern const OptionType<std::uint64_t> kBytesOption;
// What PostgreSQL counts in megabytes where it has no unit.
extern const OptionType<std::uint64_t> kMegabytesOption;
extern const OptionType<std::optional<std::uint64_t>> kMegabytesOrNoneOption;  // "-1" is none
extern const OptionType<wal::SegmentSize> kSegmentSizeOption;
extern const OptionType<wal::RecordMix> kRecordSizesOption;  // "50..8000", or one size
extern const OptionType<std::uint32_t> kCopyThresholdOption;
extern const OptionType<runtime::log::Level> kLogLevelOption;
extern const OptionType<std::vector<std::string>> kAddressesOption;  // separated by commas

}  // namespace server::settings

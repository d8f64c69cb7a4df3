#pragma once

// The types of options of the command line and the file: how their text is read, and how SHOW shows
// their value.

#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/clock.h"
#include "runtime/log.h"
#include "runtime/result.h"
#include "server/settings/units.h"
#include "server/wal/generator.h"
#include "server/wal/lsn.h"

namespace server::settings {

template <typename Value>
struct OptionType {
  // The value that a text stands for, given for the parameter of this name. The error is what an
  // operator reads of it, with a hint.
  std::function<runtime::Result<Value>(std::string_view name, std::string_view text)> parse;
  std::function<std::string(const Value&)> show;
  Unit bare = Unit::kNone;  // what a number without a unit counts
};

// `text` is no value of the parameter.
runtime::Fail invalid_value(std::string_view name, std::string_view text, std::string hint = {});

OptionType<bool> boolean();
OptionType<std::string> text();
// A text that SHOW does not show, such as a password: every standby may ask for it.
OptionType<std::string> secret();
// Texts separated by commas; the empty text has none.
OptionType<std::vector<std::string>> comma_list();
// Permissions of a file: octal with a 0 in front, as PostgreSQL reads and shows them.
OptionType<unsigned> file_mode();

// A number without a unit.
template <typename Integer>
OptionType<Integer> integer(Integer least, Integer most) {
  const NumberType type{.least = static_cast<double>(least), .most = static_cast<double>(most)};
  return {[type](std::string_view name, std::string_view text) -> runtime::Result<Integer> {
            return static_cast<Integer>(TRY(parse_number(type, name, text)));
          },
          [type](const Integer& value) { return show_number(type, static_cast<double>(value)); }};
}
// A number that need not be whole.
OptionType<double> real(double least, double most);
// A number of 64 bits.
OptionType<std::uint64_t> seed();

// A size; a bare number counts `bare`.
template <typename Integer = std::uint64_t>
OptionType<Integer> bytes(Unit bare = Unit::kBytes,
                          Integer most = std::numeric_limits<Integer>::max(), Integer least = 0) {
  return {[bare, most, least](std::string_view name,
                              std::string_view text) -> runtime::Result<Integer> {
            return static_cast<Integer>(TRY(parse_bytes(name, text, bare, most, least)));
          },
          [](const Integer& size) { return show_bytes(size); }, bare};
}
// As bytes(), and "-1" is no size.
OptionType<std::optional<std::uint64_t>> bytes_or_none(Unit bare);
// Bytes per second. The empty text stands for 0; a rate of 0 that is written out is invalid.
OptionType<std::uint64_t> rate_or_none();

// A time; a bare number counts `bare`.
OptionType<runtime::Duration> duration(Unit bare);
// Whole seconds, read as PostgreSQL reads its setting of that name.
OptionType<runtime::Duration> whole_seconds(int least, int most);
// Whole milliseconds; a number without a unit counts them.
OptionType<runtime::Duration> whole_milliseconds(int least, int most);
// A number, read as PostgreSQL reads its setting of that name, and shown without a unit.
OptionType<int> as_postgres(std::string_view setting);

OptionType<wal::SegmentSize> segment_size();
// A position as PostgreSQL writes it, "16/B374D848". The empty text stands for `none`.
OptionType<wal::Lsn> lsn_or(wal::Lsn none);
OptionType<wal::RecordMix> record_sizes();  // "50..8000", or one size for all
OptionType<runtime::log::Level> log_level();

}  // namespace server::settings

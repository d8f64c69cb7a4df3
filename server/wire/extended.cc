#include "server/wire/extended.h"

#include <limits>

#include "runtime/format.h"

namespace server::wire {

using runtime::Result;

namespace {

// Numbers are signed in PostgreSQL, which takes one below zero for none at all.
Result<std::size_t> read_count(ByteReader& reader) {
  const auto count = static_cast<std::int16_t>(TRY(reader.integer<std::uint16_t>()));
  return static_cast<std::size_t>(count < 0 ? 0 : count);
}

Result<std::vector<std::int16_t>> read_formats(ByteReader& reader) {
  const std::size_t count = TRY(read_count(reader));
  std::vector<std::int16_t> formats;
  formats.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    formats.push_back(static_cast<std::int16_t>(TRY(reader.integer<std::uint16_t>())));
  }
  return formats;
}

runtime::Error violation(std::string what) {
  return {.kind = &kProtocolViolation, .what = std::move(what)};
}

}  // namespace

Result<Parse> parse_parse(std::span<const std::byte> body) {
  ByteReader reader(body);
  Parse parse;
  parse.statement = TRY(reader.string());
  parse.query = TRY(reader.string());
  const std::size_t count = TRY(read_count(reader));
  parse.parameter_types.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    parse.parameter_types.push_back(TRY(reader.integer<std::uint32_t>()));
  }
  TRY(reader.expect_end());
  return parse;
}

Result<Bind> Bind::begin(std::span<const std::byte> body) {
  Bind bind(body);
  bind.portal_ = TRY(bind.reader_.string());
  bind.statement_ = TRY(bind.reader_.string());
  return bind;
}

Result<void> Bind::read_counts(std::size_t parameters) {
  formats_ = TRY(read_formats(reader_));
  count_ = TRY(read_count(reader_));
  if (formats_.size() > 1 && formats_.size() != count_) {
    return violation(runtime::format("bind message has {} parameter formats but {} parameters",
                                     formats_.size(), count_));
  }
  if (count_ == parameters) return {};
  return violation(runtime::format(
      "bind message supplies {} parameters, but prepared statement \"{}\" requires {}", count_,
      statement_, parameters));
}

Result<void> Bind::read_rest() {
  parameters_.reserve(count_);
  for (std::size_t i = 0; i < count_; ++i) {
    Parameter& parameter = parameters_.emplace_back();
    if (!formats_.empty()) parameter.format = formats_[formats_.size() == 1 ? 0 : i];
    const auto length = TRY(reader_.integer<std::uint32_t>());
    if (length == std::numeric_limits<std::uint32_t>::max()) continue;
    parameter.value = TRY(reader_.bytes(length));
  }
  result_formats_ = TRY(read_formats(reader_));
  return reader_.expect_end();
}

Result<Target> parse_target(std::span<const std::byte> body, std::string_view message) {
  ByteReader reader(body);
  Target target;
  target.kind = static_cast<char>(TRY(reader.byte()));
  target.name = TRY(reader.string());
  TRY(reader.expect_end());
  if (target.kind == 'S' || target.kind == 'P') return target;
  return violation(runtime::format("invalid {} message subtype {}", message,
                                   static_cast<unsigned char>(target.kind)));
}

// PostgreSQL takes a limit below zero for none.
Result<Execute> parse_execute(std::span<const std::byte> body) {
  ByteReader reader(body);
  Execute execute;
  execute.portal = TRY(reader.string());
  const auto limit = static_cast<std::int32_t>(TRY(reader.integer<std::uint32_t>()));
  execute.rows_max = static_cast<std::uint32_t>(limit < 0 ? 0 : limit);
  TRY(reader.expect_end());
  return execute;
}

}  // namespace server::wire

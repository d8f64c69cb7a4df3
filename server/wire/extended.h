#pragma once

// Messages of the extended query protocol (PostgreSQL documentation, "Message Formats"). All that
// is parsed is valid as long as the message.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "runtime/result.h"
#include "server/wire/codec.h"

namespace server::wire {

// How a value goes over the line; any other code is the sender's fault.
inline constexpr std::int16_t kTextFormat = 0;
inline constexpr std::int16_t kBinaryFormat = 1;

struct Parse {
  std::string_view statement;
  std::string_view query;
  std::vector<std::uint32_t> parameter_types;  // 0: the server is to find out
};
runtime::Result<Parse> parse_parse(std::span<const std::byte> body);

// The names come first, and are read alone: what the statement is decides what is wrong with the
// rest (postgres.c, exec_bind_message).
class Bind {
 public:
  struct Parameter {
    std::int16_t format = kTextFormat;
    std::optional<std::span<const std::byte>> value;  // none: NULL
  };

  static runtime::Result<Bind> begin(std::span<const std::byte> body);

  std::string_view portal() const { return portal_; }
  std::string_view statement() const { return statement_; }

  // Reads the formats and the number of parameters. kProtocolViolation if the statement, which may
  // be unnamed, has another number of them.
  runtime::Result<void> read_counts(std::size_t parameters);
  // The values, then the formats of the columns. REQUIRES: read_counts() succeeded.
  runtime::Result<void> read_rest();

  const std::vector<Parameter>& parameters() const { return parameters_; }
  // None: all are text. One: it is that of all columns.
  const std::vector<std::int16_t>& result_formats() const { return result_formats_; }

 private:
  explicit Bind(std::span<const std::byte> body) : reader_(body) {}

  ByteReader reader_;
  std::string_view portal_;
  std::string_view statement_;
  std::vector<std::int16_t> formats_;
  std::size_t count_ = 0;
  std::vector<Parameter> parameters_;
  std::vector<std::int16_t> result_formats_;
};

// Describe and Close name a prepared statement ('S') or a portal ('P').
struct Target {
  char kind = 0;
  std::string_view name;
};
// `message` names the message in the error of another kind.
runtime::Result<Target> parse_target(std::span<const std::byte> body, std::string_view message);

struct Execute {
  std::string_view portal;
  std::uint32_t rows_max = 0;  // 0: all
};
runtime::Result<Execute> parse_execute(std::span<const std::byte> body);

}  // namespace server::wire

#pragma once

// Backend messages, as the frontend/backend protocol has them (PostgreSQL documentation, "Message
// Formats").

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory_resource>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "runtime/result.h"
#include "server/wire/codec.h"

namespace server::wire {

enum class Severity { kNotice, kWarning, kError, kFatal };

// The types that replication results have, by OID (src/include/catalog/pg_type.dat).
struct ColumnType {
  std::uint32_t oid;
  std::int16_t size;
};
inline constexpr ColumnType kText{25, -1};
inline constexpr ColumnType kInt4{23, 4};
inline constexpr ColumnType kInt8{20, 8};
inline constexpr ColumnType kBytea{17, -1};

struct Column {
  std::string_view name;
  ColumnType type;
  std::int32_t type_modifier = -1;
};

// A column as a statement's RowDescription has it.
struct DescribedColumn {
  Column column;
  std::int16_t format = 0;  // 0: text, 1: binary
};

// Composes messages one behind the other.
//   Owner: the function that composes.  Thread: the owner's.
//   Borrows: the memory resource, usually the message context of the thread.
class MessageWriter {
 public:
  explicit MessageWriter(std::pmr::memory_resource* memory) : bytes_(memory) {
    bytes_.reserve(kBytesReserved);
  }

  std::span<const std::byte> bytes() const { return bytes_; }

  void authentication_ok();
  void authentication_cleartext_password();
  void authentication_md5_password(std::span<const std::byte, 4> salt);
  void authentication_sasl(std::span<const std::string_view> mechanisms);
  void authentication_sasl_continue(std::string_view challenge);
  void authentication_sasl_final(std::string_view outcome);
  void parameter_status(std::string_view name, std::string_view value);
  void backend_key_data(std::uint32_t process_id, std::span<const std::byte> key);
  void negotiate_protocol_version(std::uint32_t version,
                                  std::span<const std::string_view> unknown_options);
  // 'I' outside of any transaction, as a physical walsender always is; 'T' within one; 'E' within
  // one that has failed.
  void ready_for_query(char transaction = 'I');
  void error_response(Severity severity, const runtime::Error& error);
  void notice_response(Severity severity, const runtime::Error& notice);
  void row_description(std::initializer_list<Column> columns);
  void row_description(std::span<const DescribedColumn> columns);
  void data_row(std::initializer_list<std::optional<std::string_view>> values) {
    data_row(std::span(values.begin(), values.size()));
  }
  void data_row(std::span<const std::optional<std::string_view>> values);
  void command_complete(std::string_view tag);
  void empty_query_response();
  // Answers of the extended protocol.
  void parse_complete();
  void bind_complete();
  void close_complete();
  void portal_suspended();
  void no_data();
  void parameter_description(std::span<const std::uint32_t> types);
  void copy_both_response();
  void copy_done();
  // One byte that is no message: the answer to an SSLRequest or GSSENCRequest.
  void raw(char byte) { bytes_.push_back(static_cast<std::byte>(byte)); }
  // An ErrorResponse as protocol 2 has it, for clients that ask for a version before 3.
  void old_style_fatal(std::string_view message);

 private:
  void describe(const Column& column, std::int16_t format);
  std::size_t begin(char type);
  void end(std::size_t start);
  template <std::unsigned_integral T>
  void integer(T value) {
    bytes_.resize(bytes_.size() + sizeof(T));
    store_big_endian(bytes_.data() + bytes_.size() - sizeof(T), value);
  }
  // AuthenticationRequest: a code (AUTH_REQ_... of src/include/libpq/protocol.h), and its data.
  void authentication(std::uint32_t code, std::string_view data = {});
  void text(std::string_view text);
  // Ends at the first NUL, as all strings of the protocol do.
  void string(std::string_view text);
  void error_fields(char type, Severity severity, const runtime::Error& error);

  static constexpr std::size_t kBytesReserved = 512;  // the most that a usual answer needs

  std::pmr::vector<std::byte> bytes_;
};

}  // namespace server::wire

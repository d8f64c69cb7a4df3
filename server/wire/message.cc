#include "server/wire/message.h"

#include <string>

namespace server::wire {

namespace {

std::string_view label(Severity severity) {
  switch (severity) {
    case Severity::kNotice:
      return "NOTICE";
    case Severity::kWarning:
      return "WARNING";
    case Severity::kError:
      return "ERROR";
    case Severity::kFatal:
      return "FATAL";
  }
  UNREACHABLE();
}

}  // namespace

void MessageWriter::authentication_ok() { authentication(0); }

void MessageWriter::authentication_cleartext_password() { authentication(3); }

void MessageWriter::authentication_md5_password(std::span<const std::byte, 4> salt) {
  authentication(5, {reinterpret_cast<const char*>(salt.data()), salt.size()});
}

void MessageWriter::authentication_sasl(std::span<const std::string_view> mechanisms) {
  const auto start = begin('R');
  integer<std::uint32_t>(10);
  for (const auto mechanism : mechanisms) string(mechanism);
  raw('\0');
  end(start);
}

void MessageWriter::authentication_sasl_continue(std::string_view challenge) {
  authentication(11, challenge);
}

void MessageWriter::authentication_sasl_final(std::string_view outcome) {
  authentication(12, outcome);
}

void MessageWriter::authentication(std::uint32_t code, std::string_view data) {
  const auto start = begin('R');
  integer(code);
  text(data);
  end(start);
}

void MessageWriter::parameter_status(std::string_view name, std::string_view value) {
  const auto start = begin('S');
  string(name);
  string(value);
  end(start);
}

void MessageWriter::backend_key_data(std::uint32_t process_id, std::span<const std::byte> key) {
  const auto start = begin('K');
  integer(process_id);
  bytes_.insert(bytes_.end(), key.begin(), key.end());
  end(start);
}

void MessageWriter::negotiate_protocol_version(std::uint32_t version,
                                               std::span<const std::string_view> unknown_options) {
  const auto start = begin('v');
  integer(version);
  integer(static_cast<std::uint32_t>(unknown_options.size()));
  for (const auto option : unknown_options) string(option);
  end(start);
}

void MessageWriter::ready_for_query(char transaction) {
  const auto start = begin('Z');
  raw(transaction);
  end(start);
}

void MessageWriter::error_response(Severity severity, const runtime::Error& error) {
  error_fields('E', severity, error);
}

void MessageWriter::notice_response(Severity severity, const runtime::Error& notice) {
  error_fields('N', severity, notice);
}

// No F, L and R fields: they name PostgreSQL's source, which this is not.
void MessageWriter::error_fields(char type, Severity severity, const runtime::Error& error) {
  const auto start = begin(type);
  const auto field = [this](char code, std::string_view value) {
    if (value.empty()) return;
    raw(code);
    string(value);
  };
  field('S', label(severity));
  field('V', label(severity));
  field('C', error.kind->code);
  field('M', error.what);
  field('D', error.detail);
  field('H', error.hint);
  if (error.position > 0) field('P', std::to_string(error.position));
  raw('\0');
  end(start);
}

void MessageWriter::row_description(std::initializer_list<Column> columns) {
  const auto start = begin('T');
  integer(static_cast<std::uint16_t>(columns.size()));
  for (const Column& column : columns) describe(column, /*format=*/0);
  end(start);
}

void MessageWriter::row_description(std::span<const DescribedColumn> columns) {
  const auto start = begin('T');
  integer(static_cast<std::uint16_t>(columns.size()));
  for (const auto& [column, format] : columns) describe(column, format);
  end(start);
}

void MessageWriter::describe(const Column& column, std::int16_t format) {
  string(column.name);
  integer<std::uint32_t>(0);  // of no table
  integer<std::uint16_t>(0);  // and no attribute
  integer(column.type.oid);
  integer(static_cast<std::uint16_t>(column.type.size));
  integer(static_cast<std::uint32_t>(column.type_modifier));
  integer(static_cast<std::uint16_t>(format));
}

void MessageWriter::data_row(std::span<const std::optional<std::string_view>> values) {
  const auto start = begin('D');
  integer(static_cast<std::uint16_t>(values.size()));
  for (const auto& value : values) {
    if (value.has_value()) {
      integer(static_cast<std::uint32_t>(value->size()));
      text(*value);
    } else {
      integer(~std::uint32_t{0});
    }
  }
  end(start);
}

void MessageWriter::command_complete(std::string_view tag) {
  const auto start = begin('C');
  string(tag);
  end(start);
}

void MessageWriter::empty_query_response() { end(begin('I')); }

void MessageWriter::parse_complete() { end(begin('1')); }

void MessageWriter::bind_complete() { end(begin('2')); }

void MessageWriter::close_complete() { end(begin('3')); }

void MessageWriter::portal_suspended() { end(begin('s')); }

void MessageWriter::no_data() { end(begin('n')); }

void MessageWriter::parameter_description(std::span<const std::uint32_t> types) {
  const auto start = begin('t');
  integer(static_cast<std::uint16_t>(types.size()));
  for (const std::uint32_t type : types) integer(type);
  end(start);
}

void MessageWriter::copy_both_response() {
  const auto start = begin('W');
  raw('\0');                  // as text
  integer<std::uint16_t>(0);  // no columns
  end(start);
}

void MessageWriter::copy_done() { end(begin('c')); }

void MessageWriter::old_style_fatal(std::string_view message) {
  raw('E');
  text("FATAL:  ");
  text(message);
  text("\n");
  raw('\0');
}

std::size_t MessageWriter::begin(char type) {
  raw(type);
  const auto start = bytes_.size();
  integer<std::uint32_t>(0);
  return start;
}

void MessageWriter::end(std::size_t start) {
  store_big_endian(bytes_.data() + start, static_cast<std::uint32_t>(bytes_.size() - start));
}

void MessageWriter::text(std::string_view text) {
  const auto* raw_text = reinterpret_cast<const std::byte*>(text.data());
  bytes_.insert(bytes_.end(), raw_text, raw_text + text.size());
}

void MessageWriter::string(std::string_view value) {
  text(value.substr(0, value.find('\0')));
  raw('\0');
}

}  // namespace server::wire

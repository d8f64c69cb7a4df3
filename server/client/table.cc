#include "server/client/table.h"

#include <algorithm>

#include "runtime/json.h"

namespace server::client {

namespace {

// src/include/catalog/pg_type.dat.
constexpr std::uint32_t kBool = 16;

bool is_number(std::uint32_t type) {
  constexpr std::uint32_t kNumbers[]{20, 21, 23, 26, 700, 701, 1700};
  return std::ranges::find(kNumbers, type) != std::end(kNumbers);
}

// Characters, as far as each byte that begins one takes a cell of the terminal.
std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

void add_cell(std::string_view text, std::size_t width, bool at_right, std::string& out) {
  const std::string padding(width - std::min(width, width_of(text)), ' ');
  out += ' ';
  out += at_right ? padding + std::string(text) : std::string(text) + padding;
  out += ' ';
}

std::string json_value(const std::optional<std::string>& value, std::uint32_t type) {
  if (!value.has_value()) return "null";
  if (type == kBool) return *value == "t" ? "true" : "false";
  const bool is_finite = value->find_first_not_of("0123456789.eE+-") == std::string::npos;
  return is_number(type) && is_finite && !value->empty() ? *value : runtime::json_string(*value);
}

}  // namespace

std::optional<std::size_t> Table::find(std::string_view name) const {
  const auto at = std::ranges::find(columns, name, &Column::name);
  if (at == columns.end()) return std::nullopt;
  return static_cast<std::size_t>(at - columns.begin());
}

std::string_view Table::value(const Row& row, std::string_view name) const {
  const auto at = find(name);
  if (!at.has_value() || !row[*at].has_value()) return {};
  return *row[*at];
}

std::string printable(std::string_view text) {
  std::string kept(text);
  std::ranges::replace_if(
      kept, [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; }, '?');
  return kept;
}

std::string print_table(const Table& table) {
  std::vector<std::size_t> widths;
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    std::size_t width = width_of(table.columns[i].name);
    for (const Table::Row& row : table.rows) {
      if (row[i].has_value()) width = std::max(width, width_of(printable(*row[i])));
    }
    widths.push_back(width);
  }
  std::string out;
  const auto add_line = [&](auto&& cell) {
    for (std::size_t i = 0; i < widths.size(); ++i) {
      if (i > 0) out += '|';
      cell(i);
    }
    out.erase(out.find_last_not_of(' ') + 1);
    out += '\n';
  };
  add_line([&](std::size_t i) { add_cell(table.columns[i].name, widths[i], false, out); });
  for (std::size_t i = 0; i < widths.size(); ++i) {
    if (i > 0) out += '+';
    out.append(widths[i] + 2, '-');
  }
  out += '\n';
  for (const Table::Row& row : table.rows) {
    add_line([&](std::size_t i) {
      add_cell(printable(row[i].value_or("")), widths[i], is_number(table.columns[i].type), out);
    });
  }
  return out;
}

std::string print_json(const Table& table) {
  std::string out = "[";
  for (const Table::Row& row : table.rows) {
    out += out.size() > 1 ? ", {" : "{";
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (i > 0) out += ", ";
      out += runtime::json_string(table.columns[i].name) + ": " +
             json_value(row[i], table.columns[i].type);
    }
    out += '}';
  }
  return out + "]";
}

}  // namespace server::client

#include "server/command/recovery_query.h"

#include <array>
#include <string>

#include "server/wire/text.h"

namespace server::command {

namespace {

constexpr std::string_view kFunction = "pg_is_in_recovery";
constexpr wire::ColumnType kBool{.oid = 16, .size = 1};

// In lower case and with one blank for several; none around the whole, or before what follows a
// word.
std::string plain(std::string_view text) {
  std::string plain;
  for (const char c : text) {
    const bool blank = c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v';
    if (blank && (plain.empty() || plain.back() == ' ')) continue;
    if (!plain.empty() && plain.back() == ' ' && (c == '(' || c == ')' || c == ';')) {
      plain.pop_back();
    }
    plain += blank ? ' ' : wire::lower(c);
  }
  if (plain.ends_with(' ')) plain.pop_back();
  if (plain.ends_with(';')) plain.pop_back();
  return plain;
}

}  // namespace

bool is_recovery_query(std::string_view text) {
  constexpr std::size_t kBytesMax = 200;
  if (text.size() > kBytesMax) return false;
  const std::string asked = plain(text);
  constexpr std::array<std::string_view, 4> kForms{
      "select * from ", "select ", "select * from pg_catalog.", "select pg_catalog."};
  for (const std::string_view form : kForms) {
    std::string known(form);
    known += kFunction;
    if (asked == known + "()") return true;
  }
  return false;
}

void show_recovery(wire::MessageWriter& out) {
  out.row_description({{.name = kFunction, .type = kBool}});
  out.data_row({"t"});
  out.command_complete("SELECT 1");
}

}  // namespace server::command

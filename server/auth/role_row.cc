#include "server/auth/role_row.h"

#include <charconv>
#include <string>
#include <utility>
#include <vector>

#include "runtime/errors.h"
#include "runtime/format.h"
#include "server/wire/text.h"

namespace server::auth {

using runtime::format;

namespace {

runtime::Error wrong(std::string_view column, std::string_view what) {
  return {.kind = &runtime::kInvalidParameterValue,
          .what = format("auth_query: column \"{}\" {}", column, what)};
}

runtime::Result<bool> read_bool(std::string_view column, std::string_view text) {
  const auto value = wire::parse_bool(text);
  if (!value.has_value()) return wrong(column, "is no boolean");
  return *value;
}

runtime::Result<std::int64_t> read_integer(std::string_view column, std::string_view text) {
  std::int64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, value);
  if (parsed.ec != std::errc() || parsed.ptr != end) return wrong(column, "is no integer");
  return value;
}

// Reads the output of an array of text: {a,"b c","d\"e"} (arrayfuncs.c, array_out).
//   Owner: the function that reads a row.  Thread: its.
//   Borrows: the text.
class ArrayReader {
 public:
  explicit ArrayReader(std::string_view text) : rest_(text) {}

  // Nothing if the text is no array of one dimension.
  std::optional<std::vector<std::string>> read();

 private:
  bool take(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  std::optional<std::string> read_quoted();
  std::optional<std::string> read_bare();

  std::string_view rest_;
};

// Behind the first quote.
std::optional<std::string> ArrayReader::read_quoted() {
  std::string text;
  while (!rest_.empty()) {
    if (take('"')) return text;
    take('\\');
    if (rest_.empty()) break;
    text.push_back(rest_.front());
    rest_.remove_prefix(1);
  }
  return std::nullopt;
}

std::optional<std::string> ArrayReader::read_bare() {
  const std::string_view text = rest_.substr(0, rest_.find_first_of("\"\\{},"));
  rest_.remove_prefix(text.size());
  return text.empty() ? std::nullopt : std::optional(std::string(text));
}

std::optional<std::vector<std::string>> ArrayReader::read() {
  std::vector<std::string> values;
  if (!take('{')) return std::nullopt;
  if (take('}')) return rest_.empty() ? std::optional(std::move(values)) : std::nullopt;
  do {
    auto value = take('"') ? read_quoted() : read_bare();
    if (!value.has_value()) return std::nullopt;
    values.push_back(*std::move(value));
  } while (take(','));
  return take('}') && rest_.empty() ? std::optional(std::move(values)) : std::nullopt;
}

runtime::Result<void> set_name(Role& role, std::string_view column, std::string_view text) {
  if (text.empty() || text.size() > kRoleNameBytesMax) return wrong(column, "is no role's name");
  role.name = text;
  return {};
}

runtime::Result<void> set_groups(Role& role, std::string_view column, std::string_view text) {
  auto groups = ArrayReader(text).read();
  if (!groups.has_value()) return wrong(column, "is no array of text");
  role.groups = *std::move(groups);
  return {};
}

runtime::Result<void> set(Role& role, std::string_view column, std::string_view text) {
  if (column == "rolname") return set_name(role, column, text);
  if (column == "rolpassword") {
    role.verifier = parse_verifier(text);
  } else if (column == "rolcanlogin") {
    role.can_login = TRY(read_bool(column, text));
  } else if (column == "rolreplication") {
    role.can_replicate = TRY(read_bool(column, text));
  } else if (column == "rolsuper") {
    role.superuser = TRY(read_bool(column, text));
  } else if (column == "valid_until") {
    role.valid_until = TRY(read_integer(column, text));
  } else if (column == "rolconnlimit") {
    role.connection_limit = TRY(read_integer(column, text));
  } else if (column == "groups") {
    return set_groups(role, column, text);
  }
  return {};
}

}  // namespace

// A role that may log in by a NULL would be let in by a mistake of the query's.
runtime::Result<Role> role_of_row(std::span<const RowValue> row) {
  Role role;
  for (const auto& [column, value] : row) {
    if (value.has_value()) {
      TRY(set(role, column, *value));
    } else if (column == "rolcanlogin") {
      role.can_login = false;
    }
  }
  if (role.name.empty()) return wrong("rolname", "is missing");
  return role;
}

}  // namespace server::auth

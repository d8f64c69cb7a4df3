#include "server/auth/users.h"

#include <algorithm>
#include <utility>

#include "runtime/errors.h"
#include "runtime/file.h"
#include "runtime/format.h"
#include "server/auth/usual_iterations.h"

namespace server::auth {

using runtime::format;

namespace {

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f'; }

bool begins_comment(char c) { return c == ';' || c == '#'; }

// Reads one line, which is no more than a role.
//   Owner: the function that reads a file.  Thread: its.
//   Borrows: the line.
class LineReader {
 public:
  explicit LineReader(std::string_view line) : rest_(line) {}

  // Nothing is left but blanks and a comment.
  bool at_end() {
    while (!rest_.empty() && is_blank(rest_.front())) rest_.remove_prefix(1);
    return rest_.empty() || begins_comment(rest_.front());
  }
  runtime::Result<Role> read_role();

 private:
  runtime::Result<Secret> read_quoted(std::string_view what);
  runtime::Result<void> read_attribute(Role& role);

  std::string_view rest_;
};

runtime::Error wrong(std::string what) {
  return {.kind = &runtime::kInvalidParameterValue, .what = std::move(what)};
}

runtime::Result<Secret> LineReader::read_quoted(std::string_view what) {
  if (at_end() || rest_.front() != '"') return wrong(format("expected {} in double quotes", what));
  rest_.remove_prefix(1);
  std::string text;
  text.reserve(rest_.size());
  for (std::size_t i = 0; i < rest_.size(); ++i) {
    const bool quote = rest_[i] == '"';
    if (quote && (i + 1 == rest_.size() || rest_[i + 1] != '"')) {
      rest_.remove_prefix(i + 1);
      Secret secret(text);
      wipe(std::as_writable_bytes(std::span(text)));
      return secret;
    }
    text.push_back(rest_[i]);
    if (quote) ++i;
  }
  wipe(std::as_writable_bytes(std::span(text)));
  return wrong(format("the double quote before {} has no other behind it", what));
}

runtime::Result<void> LineReader::read_attribute(Role& role) {
  const auto end = std::find_if(rest_.begin(), rest_.end(),
                                [](char c) { return is_blank(c) || begins_comment(c); });
  const std::string_view word = rest_.substr(0, static_cast<std::size_t>(end - rest_.begin()));
  rest_.remove_prefix(word.size());
  if (word == "replication") {
    role.can_replicate = true;
  } else if (word == "superuser") {
    role.superuser = true;
  } else if (word == "nologin") {
    role.can_login = false;
  } else {
    return wrong(
        "expected replication, superuser or nologin behind the verifier, or the end of the line");
  }
  return {};
}

runtime::Result<Role> LineReader::read_role() {
  Role role;
  role.name = TRY(read_quoted("a user name")).reveal();
  if (role.name.empty()) return wrong("the user name is empty");
  if (role.name.size() > kRoleNameBytesMax) {
    return wrong(format("the user name has more than {} bytes", kRoleNameBytesMax));
  }
  role.verifier = parse_verifier(TRY(read_quoted("a verifier")).reveal());
  if (std::holds_alternative<UnknownVerifier>(role.verifier)) {
    return wrong(
        format("the second field of user \"{}\" is neither a SCRAM-SHA-256 nor an MD5 "
               "verifier, and passwords in plain text are not taken",
               role.name));
  }
  while (!at_end()) TRY(read_attribute(role));
  return role;
}

runtime::Error at_line(runtime::Error error, std::string_view path, std::size_t line) {
  error.what = format("auth_file \"{}\" line {}: {}", path, line, error.what);
  return error;
}

struct Entry {
  Role role;
  std::size_t line;
};

bool comes_before(const Entry& a, const Entry& b) {
  return std::pair(std::string_view(a.role.name), a.line) <
         std::pair(std::string_view(b.role.name), b.line);
}

}  // namespace

runtime::Result<Users> Users::read(const std::string& path) {
  auto text = runtime::read_text(path, kFileBytesMax);
  if (!text && text.error().sys_errno != 0) {
    return runtime::system_error(text.error().sys_errno,
                                 format("could not open auth_file \"{}\"", path));
  }
  if (!text) return text.error();
  auto users = parse(*text, path);
  wipe(std::as_writable_bytes(std::span(*text)));
  return users;
}

runtime::Result<Users> Users::parse(std::string_view text, std::string_view path) {
  std::vector<Entry> entries;
  for (std::size_t line = 1; !text.empty(); ++line) {
    const std::string_view content = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(content.size() + 1, text.size()));
    LineReader reader(content);
    if (reader.at_end()) continue;
    auto role = reader.read_role();
    if (!role) return at_line(role.error(), path, line);
    entries.push_back({.role = *std::move(role), .line = line});
  }
  std::sort(entries.begin(), entries.end(), comes_before);
  const auto twice =
      std::adjacent_find(entries.begin(), entries.end(),
                         [](const Entry& a, const Entry& b) { return a.role.name == b.role.name; });
  if (twice != entries.end()) {
    return at_line(
        wrong(format("user \"{}\" is in line {} already", twice->role.name, twice->line)), path,
        std::next(twice)->line);
  }
  std::vector<Role> roles;
  roles.reserve(entries.size());
  for (Entry& entry : entries) roles.push_back(std::move(entry.role));
  return Users(std::move(roles));
}

const Role* Users::find(std::string_view name) const {
  const auto at = std::lower_bound(
      roles_.begin(), roles_.end(), name,
      [](const Role& role, std::string_view wanted) { return role.name < wanted; });
  return at != roles_.end() && at->name == name ? &*at : nullptr;
}

int Users::usual_iterations() const {
  std::vector<const Role*> roles;
  for (const Role& role : roles_) roles.push_back(&role);
  return auth::usual_iterations(roles);
}

}  // namespace server::auth

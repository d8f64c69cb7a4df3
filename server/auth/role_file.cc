#include "server/auth/role_file.h"

#include <array>
#include <optional>
#include <utility>

#include "runtime/durable_file.h"
#include "runtime/errors.h"
#include "runtime/file.h"
#include "runtime/format.h"
#include "server/auth/digest.h"
#include "server/auth/role_row.h"

namespace server::auth {

using runtime::Result;

namespace {

constexpr std::string_view kMagic = "walcast roles 1";
constexpr std::array<std::string_view, 8> kColumns = {
    "rolname",  "rolpassword", "rolcanlogin",  "rolreplication",
    "rolsuper", "valid_until", "rolconnlimit", "groups"};

std::string hex_of(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string hex;
  const Key digest = sha256(std::as_bytes(std::span(text)));
  for (const std::byte byte : digest.reveal()) {
    hex.push_back(kDigits[std::to_integer<std::size_t>(byte >> 4)]);
    hex.push_back(kDigits[std::to_integer<std::size_t>(byte & std::byte{15})]);
  }
  return hex;
}

// Text that has secrets in it, and grows: what it leaves behind is overwritten.
class SecretText {
 public:
  ~SecretText() { wipe(std::as_writable_bytes(std::span(text_))); }
  void add(std::string_view more) {
    if (text_.size() + more.size() > text_.capacity()) grow(text_.size() + more.size());
    text_ += more;
  }
  std::string_view text() const { return text_; }

 private:
  void grow(std::size_t size) {
    std::string larger;
    larger.reserve(2 * size);
    larger = text_;
    text_.swap(larger);
    wipe(std::as_writable_bytes(std::span(larger)));
  }
  std::string text_;
};

// As a column of COPY's text format.
void add_value(SecretText& line, std::string_view value) {
  for (const char& c : value) {
    if (c == '\\') {
      line.add("\\\\");
    } else if (c == '\t') {
      line.add("\\t");
    } else if (c == '\n') {
      line.add("\\n");
    } else {
      line.add({&c, 1});
    }
  }
}

// As the output of an array of text.
std::string array_of(const std::vector<std::string>& values) {
  std::string text = "{";
  for (const std::string& value : values) {
    text += text.size() > 1 ? ",\"" : "\"";
    for (const char c : value) {
      if (c == '"' || c == '\\') text += '\\';
      text += c;
    }
    text += '"';
  }
  return text + "}";
}

std::string_view bool_text(bool value) { return value ? "t" : "f"; }

runtime::Error damaged(std::string what) {
  return {.kind = &runtime::kDataCorrupted, .what = std::move(what)};
}

// The text before the first `end`. Both are taken off `rest`.
std::string_view take_field(std::string_view& rest, char end) {
  const std::string_view field = rest.substr(0, rest.find(end));
  rest.remove_prefix(std::min(field.size() + 1, rest.size()));
  return field;
}

// None for NULL.
std::optional<Secret> value_of(std::string_view field) {
  if (field == "\\N") return std::nullopt;
  SecretText text;
  for (std::size_t i = 0; i < field.size(); ++i) {
    const bool escaped = field[i] == '\\' && i + 1 < field.size();
    if (escaped) ++i;
    const char c = escaped && field[i] == 't' ? '\t' : escaped && field[i] == 'n' ? '\n' : field[i];
    text.add({&c, 1});
  }
  return Secret(text.text());
}

Result<Role> role_of_line(std::string_view line) {
  std::array<std::optional<Secret>, kColumns.size()> values;
  std::vector<RowValue> row;
  for (std::size_t i = 0; i < kColumns.size(); ++i) {
    values[i] = value_of(take_field(line, '\t'));
    row.push_back({.column = kColumns[i], .value = std::nullopt});
    if (values[i].has_value()) row.back().value = values[i]->reveal();
  }
  if (!line.empty()) return damaged("too many columns");
  return role_of_row(row);
}

}  // namespace

Secret role_line(const Role& role) {
  SecretText line;
  add_value(line, role.name);
  line.add("\t");
  add_value(line, text_of(role.verifier).reveal());
  line.add(runtime::format("\t{}\t{}\t{}\t", bool_text(role.can_login),
                           bool_text(role.can_replicate), bool_text(role.superuser)));
  line.add(role.valid_until.has_value() ? std::to_string(*role.valid_until) : "\\N");
  line.add(runtime::format("\t{}\t", role.connection_limit));
  add_value(line, array_of(role.groups));
  return Secret(line.text());
}

bool is_same(const Role& a, const Role& b) {
  return role_line(a).reveal() == role_line(b).reveal();
}

Secret print_role_file(std::string_view origin,
                       std::span<const std::shared_ptr<const Role>> roles) {
  SecretText text;
  text.add(runtime::format("{}\n{}\n", kMagic, hex_of(origin)));
  for (const auto& role : roles) {
    text.add(role_line(*role).reveal());
    text.add("\n");
  }
  text.add(hex_of(text.text()) + "\n");
  return Secret(text.text());
}

Result<std::vector<Role>> parse_role_file(std::string_view text, std::string_view origin) {
  constexpr std::size_t kTrailerBytes = 2 * kSha256Bytes + 1;
  if (!text.starts_with(kMagic) || text.size() < kTrailerBytes || !text.ends_with('\n')) {
    return damaged("it is no file of roles");
  }
  std::string_view rest = text.substr(0, text.size() - kTrailerBytes);
  if (text.substr(rest.size(), kTrailerBytes - 1) != hex_of(rest)) {
    return damaged("its checksum is wrong");
  }
  if (take_field(rest, '\n') != kMagic) return damaged("it is no file of roles");
  std::vector<Role> roles;
  if (take_field(rest, '\n') != hex_of(origin)) return roles;
  while (!rest.empty()) roles.push_back(TRY(role_of_line(take_field(rest, '\n'))));
  return roles;
}

Result<std::vector<Role>> read_role_file(const std::string& path, std::string_view origin) {
  auto text = runtime::read_text(path, kRoleFileBytesMax);
  if (!text && text.error().kind == &runtime::kFileMissing) return std::vector<Role>();
  if (!text) return std::move(text).error();
  auto roles = parse_role_file(*text, origin);
  wipe(std::as_writable_bytes(std::span(*text)));
  if (roles) return roles;
  return damaged(runtime::format("file \"{}\" is damaged: {}", path, roles.error().what));
}

Result<void> write_role_file(const std::string& path, std::string_view origin,
                             std::span<const std::shared_ptr<const Role>> roles) {
  return runtime::replace_private_file(path, print_role_file(origin, roles).reveal_bytes());
}

}  // namespace server::auth

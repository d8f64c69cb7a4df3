#include "server/auth/ident_map.h"

#include <algorithm>

#include "runtime/check.h"
#include "runtime/format.h"
#include "server/wire/errors.h"
#include "server/wire/text.h"

namespace server::auth {

using runtime::Error;
using runtime::format;
using runtime::Result;

namespace {

constexpr std::string_view kGroup = "\\1";
constexpr std::size_t kFields = 3;

Error wrong(std::string what) { return {.kind = &kConfigFileError, .what = std::move(what)}; }

Error refusal(std::string what) {
  return {.kind = &wire::kInvalidAuthorization, .what = std::move(what)};
}

Result<IdentLine> parse_ident_line(const TokenLine& line) {
  // PostgreSQL reads a line from left to right, and does not look at a fourth field.
  for (std::size_t i = 0; i < kFields; ++i) {
    if (i == line.fields.size()) return wrong("missing entry at end of line");
    if (line.fields[i].size() > 1) return wrong("multiple values in ident field");
  }
  NameToken system_user = TRY(NameToken::make(line.fields[1].front()));
  NameToken user = TRY(NameToken::make(line.fields[2].front()));
  return IdentLine{.file = line.file,
                   .line = line.line,
                   .map = line.fields[0].front().text,
                   .system_user = std::move(system_user),
                   .user = std::move(user)};
}

// The user's name that a line means once its regular expression has matched: what the first group
// took stands for the first \1, and is a plain name whatever it looks like. Where the case of what
// it matched is ignored, so is that of the name.
Result<NameToken> substituted(const IdentLine& line, const Regex::Match& match) {
  std::string text = line.user.token().text;
  const std::size_t at = text.find(kGroup);
  DCHECK(at != std::string::npos);
  if (!match.first_group) {
    return Error{.kind = &kInvalidRegularExpression,
                 .what = format("regular expression \"{}\" has no subexpressions as requested by "
                                "backreference in \"{}\"",
                                line.system_user.regex()->pattern(), text)};
  }
  text.replace(at, kGroup.size(), *match.first_group);
  return NameToken::plain(std::move(text), line.system_user.letters());
}

bool has_group(const NameToken& user) {
  return !user.is_group() && user.regex() == nullptr &&
         user.token().text.find(kGroup) != std::string::npos;
}

// Whether a line of the right map lets the system's user be `user`.
Result<bool> allows(const IdentLine& line, std::string_view user, std::string_view system_user,
                    const IsMember& is_member) {
  const Regex* const regex = line.system_user.regex();
  if (regex == nullptr) {
    return line.system_user.matches(system_user) && line.user.matches_user(user, is_member);
  }
  const auto match = regex->match(system_user);
  if (!match) return false;
  if (!has_group(line.user)) return line.user.matches_user(user, is_member);
  return TRY(substituted(line, *match)).matches_user(user, is_member);
}

}  // namespace

bool IdentMaps::has(std::string_view map) const {
  return std::ranges::find(lines_, map, &IdentLine::map) != lines_.end();
}

Result<IdentMaps> IdentMaps::ignoring_case(std::string_view map) const {
  std::vector<IdentLine> lines;
  for (const IdentLine& line : lines_) {
    if (line.map != map) continue;
    NameToken system_user = TRY(NameToken::make(line.system_user.token(), Case::kIgnored));
    NameToken user = TRY(NameToken::make(line.user.token()));
    lines.push_back({.file = line.file,
                     .line = line.line,
                     .map = line.map,
                     .system_user = std::move(system_user),
                     .user = std::move(user)});
  }
  return IdentMaps(std::move(lines), Case::kIgnored);
}

Result<void> IdentMaps::check(const std::optional<std::string>& map, std::string_view user,
                              std::string_view system_user, const IsMember& is_member) const {
  if (!map || map->empty()) {
    const bool is_same = letters_ == Case::kIgnored ? wire::equal_ignoring_case(user, system_user)
                                                    : user == system_user;
    if (is_same) return {};
    return refusal(format("provided user name ({}) and authenticated user name ({}) do not match",
                          user, system_user));
  }
  for (const IdentLine& line : lines_) {
    if (line.map == *map && TRY(allows(line, user, system_user, is_member))) return {};
  }
  return refusal(format("no match in usermap \"{}\" for user \"{}\" authenticated as \"{}\"", *map,
                        user, system_user));
}

IdentFile read_ident_file(const std::string& path, const FileSource& source) {
  TokenFile tokens = read_token_file(path, source);
  IdentFile file{.maps = std::nullopt,
                 .errors = std::move(tokens.errors),
                 .skipped = std::move(tokens.skipped)};
  std::vector<IdentLine> lines;
  for (const TokenLine& one : tokens.lines) {
    auto line = parse_ident_line(one);
    if (line) {
      lines.push_back(std::move(line).value());
    } else {
      file.errors.push_back({.error = std::move(line).error(), .file = one.file, .line = one.line});
    }
  }
  if (file.errors.empty()) file.maps.emplace(std::move(lines));
  return file;
}

}  // namespace server::auth

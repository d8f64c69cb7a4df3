#include "server/http/access.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "runtime/errors.h"
#include "runtime/file.h"
#include "runtime/format.h"
#include "server/auth/base64.h"
#include "server/auth/password_check.h"
#include "server/wire/text.h"

namespace server::http {

using runtime::Lock;
using runtime::Result;

namespace {

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

auth::Key digest_of(std::string_view text) { return auth::sha256(bytes_of(text)); }

// What stands behind the name of the scheme, which is of any case; none: it is another scheme.
std::optional<std::string_view> behind(std::string_view scheme, std::string_view value) {
  if (value.size() <= scheme.size() || value[scheme.size()] != ' ') return std::nullopt;
  const bool same = std::equal(scheme.begin(), scheme.end(), value.begin(),
                               [](char a, char b) { return wire::lower(a) == wire::lower(b); });
  return same ? std::optional(value.substr(scheme.size() + 1)) : std::nullopt;
}

// The lines without blanks at their ends; empty ones and comments are left out.
std::vector<std::string_view> lines_of(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r";
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const std::size_t begin = line.find_first_not_of(kBlanks);
    if (begin == std::string_view::npos || line[begin] == '#') continue;
    line = line.substr(begin, line.find_last_not_of(kBlanks) + 1 - begin);
    lines.push_back(line);
  }
  return lines;
}

Result<std::string> read_tokens(const std::string& path) {
  std::string text = TRY(runtime::read_text(path, Access::kFileBytesMax));
  const auto lines = lines_of(text);
  if (lines.empty()) {
    return runtime::Error{.kind = &runtime::kConfigFileError,
                          .what = runtime::format("file \"{}\" has no token", path)};
  }
  for (const std::string_view line : lines) {
    if (line.size() >= Access::kTokenBytesMin) continue;
    return runtime::Error{
        .kind = &runtime::kConfigFileError,
        .what = runtime::format("a token in file \"{}\" is too short", path),
        .hint = runtime::format("A token has {} characters at least.", Access::kTokenBytesMin)};
  }
  return text;
}

}  // namespace

Result<std::shared_ptr<const Access>> Access::read(const Files& files) {
  std::string tokens;
  auth::Users users;
  if (!files.token_file.empty()) tokens = TRY(read_tokens(files.token_file));
  if (!files.user_file.empty()) users = TRY(auth::Users::read(files.user_file));
  const bool is_open = files.token_file.empty() && files.user_file.empty();
  return std::make_shared<const Access>(tokens, std::move(users), is_open);
}

Access::Access(std::string_view tokens, auth::Users users, bool is_open)
    : is_open_(is_open), users_(std::move(users)) {
  for (const std::string_view token : lines_of(tokens)) tokens_.push_back(digest_of(token));
  constexpr std::array<std::byte, auth::kUsualSaltBytes> kSalt{};
  stand_in_ = auth::make_scram_verifier("", kSalt, users_.usual_iterations());
}

bool Access::lets_in(std::string_view authorization) const {
  if (is_open_) return true;
  if (const auto token = behind("Bearer", authorization)) return has_token(*token);
  if (const auto credentials = behind("Basic", authorization)) return has_password(*credentials);
  return false;
}

// All tokens are looked at, so that the time tells nothing.
bool Access::has_token(std::string_view token) const {
  const auth::Key digest = digest_of(token);
  bool found = false;
  for (const auth::Key& known : tokens_) {
    found = auth::equal(known.reveal(), digest.reveal()) || found;
  }
  return found;
}

bool Access::has_password(std::string_view credentials) const {
  const auto text = auth::decode_base64(credentials);
  if (!text.has_value()) return false;
  const std::string_view both = text->reveal();
  const std::size_t colon = both.find(':');
  if (colon == std::string_view::npos) return false;
  const auth::Key key = digest_of(both);
  const std::string digest(reinterpret_cast<const char*>(key.reveal().data()), key.reveal().size());
  if (is_known(digest)) return true;

  const std::string user(both.substr(0, colon));
  const auth::Role* const role = users_.find(user);
  const bool may_enter = role != nullptr && role->can_login;
  const auth::PasswordCheck check(auth::Secret(both.substr(colon + 1)), user,
                                  may_enter ? role->verifier : auth::Verifier(), stand_in_);
  const Lock lock(one_at_a_time_);
  if (!check.run() || !may_enter) return false;
  remember(digest);
  return true;
}

bool Access::is_known(const std::string& digest) const {
  const Lock lock(mutex_);
  return std::find(known_.begin(), known_.end(), digest) != known_.end();
}

void Access::remember(const std::string& digest) const {
  const Lock lock(mutex_);
  if (known_.size() == kKnownMax) known_.erase(known_.begin());
  known_.push_back(digest);
}

}  // namespace server::http

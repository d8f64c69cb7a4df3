#include "server/auth/access_policy.h"

#include <algorithm>
#include <utility>

#include "runtime/check.h"
#include "runtime/durable_file.h"
#include "runtime/errors.h"
#include "runtime/file.h"
#include "runtime/format.h"
#include "runtime/log.h"
#include "server/auth/random_source.h"

namespace server::auth {

using runtime::format;

namespace {

constexpr std::string_view kSecretFile = "/mock_secret";
constexpr std::size_t kSecretFileBytesMax = 4096;

template <typename From>
void append(std::vector<From>& to, std::vector<From> from) {
  to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

FileError whole_file(runtime::Error error, const std::string& file) {
  return {.error = std::move(error), .file = file};
}

Key random_secret() {
  Key secret;
  SystemRandom().fill(secret.reveal());
  return secret;
}

bool names_group(const HbaRule& rule) {
  return std::any_of(rule.users.begin(), rule.users.end(),
                     [](const NameToken& user) { return user.is_group(); });
}

bool wants_password(const HbaRule& rule) {
  return rule.method == AuthMethod::kScramSha256 || rule.method == AuthMethod::kMd5 ||
         rule.method == AuthMethod::kPassword;
}

FileError warning_of(const HbaRule& rule, runtime::Error error) {
  error.kind = &kConfigFileError;
  return {.error = std::move(error), .file = rule.file, .line = rule.line};
}

FileError no_map(const AccessFiles& files) {
  return whole_file({.kind = &kConfigFileError,
                     .what = format("map \"{}\" of standby_names has no line in file \"{}\"",
                                    files.standby_names, files.ident),
                     .detail = "Standbys of superusers alone count for upstream_ack."},
                    files.ident);
}

}  // namespace

std::shared_ptr<const AccessPolicy> AccessPolicy::open() {
  static const std::shared_ptr<const AccessPolicy> policy(new AccessPolicy(Key()));
  return policy;
}

AccessPolicy::Reading AccessPolicy::read(const AccessFiles& files, const Key& mock_secret,
                                         std::shared_ptr<RoleCache> roles) {
  Reading reading;
  std::shared_ptr<AccessPolicy> policy(new AccessPolicy(mock_secret));
  policy->roles_ = std::move(roles);
  if (!files.users.empty()) {
    auto users = Users::read(files.users);
    if (users) {
      policy->file_iterations_ = users->usual_iterations();
      policy->users_ = *std::move(users);
    } else {
      reading.errors.push_back(whole_file(std::move(users).error(), files.users));
    }
  }
  policy->ssl_ = files.ssl;
  if (!files.standby_names.empty()) policy->standby_names_ = files.standby_names;
  if (!files.hba.empty()) {
    HbaFile hba = read_hba_file(files.hba, files.ssl.is_on ? SslState::kOn : SslState::kOff);
    append(reading.errors, std::move(hba.errors));
    append(reading.warnings, std::move(hba.warnings));
    append(reading.skipped, std::move(hba.skipped));
    policy->rules_ = std::move(hba.rules);
  }
  if (!files.ident.empty()) {
    IdentFile ident = read_ident_file(files.ident);
    append(reading.errors, std::move(ident.errors));
    append(reading.skipped, std::move(ident.skipped));
    if (ident.maps.has_value()) policy->maps_ = *std::move(ident.maps);
  }
  auto standby_maps = policy->maps_.ignoring_case(files.standby_names);
  if (standby_maps) {
    policy->standby_maps_ = *std::move(standby_maps);
  } else {
    reading.errors.push_back(whole_file(std::move(standby_maps).error(), files.ident));
  }
  if (!reading.errors.empty()) return reading;
  if (!files.standby_names.empty() && !policy->maps_.has(files.standby_names)) {
    reading.warnings.push_back(no_map(files));
  }
  if (policy->has_rules()) {
    if (auto known = policy->own_networks_->read(); !known) {
      reading.warnings.push_back(whole_file(std::move(known).error(), files.hba));
    }
    policy->look_at_rules(reading.warnings);
  }
  reading.policy = std::move(policy);
  return reading;
}

void AccessPolicy::look_at_rules(std::vector<FileError>& warnings) const {
  const auto rules = rules_->all();
  const auto asks = std::find_if(rules.begin(), rules.end(), wants_password);
  if (asks != rules.end() && !has_roles()) {
    warnings.push_back(warning_of(
        *asks, {.kind = nullptr,
                .what = "a password is asked for, and there is no auth_file that knows one",
                .hint = "Set auth_file or auth_user."}));
  }
  for (const HbaRule& rule : rules) {
    if (names_group(rule) && roles_ == nullptr) {
      warnings.push_back(warning_of(
          rule, {.kind = nullptr,
                 .what = "a group takes no role but the one of its name",
                 .detail = "An auth_file does not say which roles are members of others.",
                 .hint = "Set auth_user, to have the roles from the primary."}));
    }
    const bool wants_certificate = rule.options.client_cert != ClientCert::kOff;
    if (wants_certificate && ssl_.is_on && !ssl_.has_authorities) {
      warnings.push_back(warning_of(
          rule, {.kind = nullptr,
                 .what = "client certificates can only be checked if a root certificate store is "
                         "available",
                 .hint = "Set ssl_ca_file."}));
    }
  }
}

HbaMatch AccessPolicy::match(const HbaConnection& connection, const PeerName* peer_name,
                             const IsMember& is_member) const {
  CHECK(has_rules());
  return match_hba(*rules_, connection,
                   {.own_networks = [this] { return own_networks_->now(); },
                    .is_member = is_member,
                    .peer_name = peer_name});
}

std::string AccessPolicy::no_rule_detail(const HbaConnection& connection,
                                         const PeerName* peer_name) const {
  CHECK(has_rules());
  return peer_name_detail(*rules_, connection, peer_name);
}

const Role* AccessPolicy::find_role_of_file(std::string_view name) const {
  return users_.has_value() ? users_->find(name) : nullptr;
}

runtime::Result<void> AccessPolicy::check_map(const HbaRule& rule, std::string_view user,
                                              std::string_view system_user,
                                              const IsMember& is_member) const {
  return maps_.check(rule.options.map, user, system_user, is_member);
}

bool AccessPolicy::may_bear(std::string_view role, std::string_view application_name,
                            const IsMember& is_member) const {
  return standby_maps_.check(standby_names_, role, application_name, is_member).has_value();
}

// The mock has as many iterations as most roles have, wherever most are: with an auth_query the
// file has the exceptions.
Mock AccessPolicy::mock() const {
  return Mock(mock_secret_, roles_ != nullptr ? roles_->usual_iterations() : file_iterations_);
}

IsMember membership_of(const Role* role) {
  return [role](std::string_view group) {
    return role != nullptr &&
           (role->name == group ||
            std::find(role->groups.begin(), role->groups.end(), group) != role->groups.end());
  };
}

// A file of another length has been cut off: another secret takes its place, which tells an
// attacker at most that there was a change.
runtime::Result<Key> mock_secret_of(const std::string& directory) {
  if (directory.empty()) return random_secret();
  const std::string path = directory + std::string(kSecretFile);
  auto text = runtime::read_text(path, kSecretFileBytesMax);
  if (!text && text.error().kind != &runtime::kFileMissing) return text.error();
  if (text && text->size() == sizeof(Key)) {
    const auto bytes = std::as_writable_bytes(std::span(*text));
    Key kept(std::span<const std::byte>(bytes).first<sizeof(Key)>());
    wipe(bytes);
    return kept;
  }
  const Key secret = random_secret();
  const auto kept = runtime::replace_private_file(path, secret.reveal());
  if (!kept && !runtime::is_full_disk(kept.error())) return kept.error();
  if (!kept) runtime::log::warning("{}; the next start makes another secret", kept.error().what);
  return secret;
}

}  // namespace server::auth

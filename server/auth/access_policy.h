#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/clock.h"
#include "server/auth/digest.h"
#include "server/auth/file_error.h"
#include "server/auth/hba_file.h"
#include "server/auth/hba_match.h"
#include "server/auth/host_networks.h"
#include "server/auth/ident_map.h"
#include "server/auth/mock.h"
#include "server/auth/role_cache.h"
#include "server/auth/users.h"

namespace server::auth {

// The server's side of TLS, as far as rules ask for it.
struct ServerSsl {
  bool is_on = false;            // ssl
  bool has_authorities = false;  // ssl_ca_file: a client's certificate can be verified
};

// The files that say which clients may come in, and how they are read. An empty path: there is no
// such file.
struct AccessFiles {
  std::string hba;
  std::string ident;
  std::string users;  // the auth_file
  // The map of the ident file by which roles bear application names; empty: a role bears its own.
  std::string standby_names = {};
  ServerSsl ssl = {};
};

// Which clients may come in, as the files say at one moment. Without an hba file every client that
// reaches the server may: it listens on nothing then that clients of other hosts reach.
//   Owner: the server, and each login that it decides on, by shared pointers.  Thread: any; it
//     never changes, and a reload makes another.
class AccessPolicy {
 public:
  struct Reading {
    std::shared_ptr<const AccessPolicy> policy;  // null if there are errors
    std::vector<FileError> errors;
    std::vector<FileError> warnings;
    std::vector<std::string> skipped;  // files of include_if_exists that are missing
  };

  // Reads the files. Blocks. `mock_secret` is the installation's (mock.h). Roles that the auth_file
  // does not know are those of `roles`, which may be null.
  static Reading read(const AccessFiles& files, const Key& mock_secret,
                      std::shared_ptr<RoleCache> roles = nullptr);
  // The policy of a server without an hba file.
  static std::shared_ptr<const AccessPolicy> open();

  // Whether clients are asked who they are.
  bool has_rules() const { return rules_.has_value(); }
  // Whether the roles are known, so that a client with another name is not let in.
  bool has_roles() const { return users_.has_value() || roles_ != nullptr; }

  // The rule for a connection, as match_hba() finds it; `is_member` is of the connection's user.
  // REQUIRES: has_rules().
  HbaMatch match(const HbaConnection& connection, const PeerName* peer_name,
                 const IsMember& is_member) const;
  // What the log is told besides where there is no rule. REQUIRES: has_rules().
  std::string no_rule_detail(const HbaConnection& connection, const PeerName* peer_name) const;
  // The role of the auth_file, none if there is no such role. Valid as long as this.
  const Role* find_role_of_file(std::string_view name) const;
  // Where the primary is asked for all other roles; null: there are no others.
  const std::shared_ptr<RoleCache>& role_cache() const { return roles_; }
  // Whether the ident map of a rule takes `system_user` for `user`.
  runtime::Result<void> check_map(const HbaRule& rule, std::string_view user,
                                  std::string_view system_user, const IsMember& is_member) const;
  // Whether a client of the role counts as the standby of this application_name: by a line of the
  // map standby_names, in which the standby stands where a user of the system does. Without regard
  // to the name's case, as upstream_ack goes by it.
  bool may_bear(std::string_view role, std::string_view application_name,
                const IsMember& is_member) const;
  Mock mock() const;
  const ServerSsl& ssl() const { return ssl_; }

 private:
  explicit AccessPolicy(const Key& mock_secret) : mock_secret_(mock_secret) {}
  // Warns of rules that no client, or not each that is meant, can match. REQUIRES: has_rules().
  void look_at_rules(std::vector<FileError>& warnings) const;

  std::optional<HbaRules> rules_;
  IdentMaps maps_;
  std::optional<Users> users_;
  std::optional<std::string> standby_names_;
  IdentMaps standby_maps_;  // that of standby_names_
  const runtime::SystemClock clock_;
  const std::unique_ptr<HostNetworks> own_networks_ = std::make_unique<HostNetworks>(clock_);
  std::shared_ptr<RoleCache> roles_;
  int file_iterations_ = kUsualIterations;
  const Key mock_secret_;
  ServerSsl ssl_;
};

// Of which groups a role is a member; a role that is not there, which is null, is of none. Valid as
// long as the role.
IsMember membership_of(const Role* role);

// The secret of an installation, which a file in `directory` keeps; made if there is none. Without
// a directory, or on a full disk, it lasts as long as the process. Blocks.
runtime::Result<Key> mock_secret_of(const std::string& directory);

}  // namespace server::auth

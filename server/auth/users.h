#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/result.h"
#include "server/auth/role.h"

namespace server::auth {

// The roles of an auth_file, in pgbouncer's format with words behind it that pgbouncer passes over:
//
//     ; a comment, or one that begins with #
//     "standby1" "SCRAM-SHA-256$4096:...$...:..." replication
//     "admin"    "md5..." superuser
//     "monitor"  ""
//
// A line has a name and a verifier, each in double quotes, of which two stand for one. An empty
// verifier is no password. Then follow, in any order, `replication`, `superuser` and `nologin`,
// which stand for the attributes of CREATE ROLE, and perhaps a comment. A password in the clear is
// refused, unlike by pgbouncer, and so is a name that stands there twice.
//   Owner: AccessPolicy.  Thread: any; it never changes, and a reload makes another.
//   Limits: kFileBytesMax for a file; kRoleNameBytesMax for a name.
class Users {
 public:
  static constexpr std::size_t kFileBytesMax = 16 << 20;

  // Blocks. An error names the file and the line, and nothing of a verifier.
  static runtime::Result<Users> read(const std::string& path);
  static runtime::Result<Users> parse(std::string_view text, std::string_view path);

  Users() = default;

  // None if there is no such role. Valid as long as this.
  const Role* find(std::string_view name) const;
  const std::vector<Role>& roles() const { return roles_; }  // by name
  // How many iterations most SCRAM verifiers have (mock.h).
  int usual_iterations() const;

 private:
  explicit Users(std::vector<Role> roles) : roles_(std::move(roles)) {}

  std::vector<Role> roles_;
};

}  // namespace server::auth

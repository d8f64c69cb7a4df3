#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/result.h"
#include "server/auth/role.h"
#include "server/auth/secret.h"

namespace server::auth {

// The roles that a primary has told of, as a file in the state directory, so that a restart while
// the primary is down knows them. It is the server's alone to read, as an auth_file is. Its text:
//
//     walcast roles 1
//     <where they come from, as hexadecimal digits>
//     rolname rolpassword rolcanlogin rolreplication rolsuper valid_until rolconnlimit groups
//     ...
//     <the SHA-256 of all that stands above>
//
// A role is a line with its columns as role_row.h has them, separated by tabs; a backslash, tab or
// line feed has a backslash before it and \N is NULL (copyto.c, CopyAttributeOutText).

inline constexpr std::size_t kRoleFileBytesMax = 64 << 20;

// The line of a role, without a line feed.
Secret role_line(const Role& role);
// Whether they are the same in all that a primary tells of a role.
bool is_same(const Role& a, const Role& b);

// `origin` is any text that says where the roles come from.
Secret print_role_file(std::string_view origin, std::span<const std::shared_ptr<const Role>> roles);
// kDataCorrupted: it is no such file, or not as it was written. Without roles if they come from
// elsewhere.
runtime::Result<std::vector<Role>> parse_role_file(std::string_view text, std::string_view origin);

// These block. A file that is missing has no roles.
runtime::Result<std::vector<Role>> read_role_file(const std::string& path, std::string_view origin);
runtime::Result<void> write_role_file(const std::string& path, std::string_view origin,
                                      std::span<const std::shared_ptr<const Role>> roles);

}  // namespace server::auth

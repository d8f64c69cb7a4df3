#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "runtime/result.h"
#include "server/auth/role.h"

namespace server::auth {

// A value of a row that a query has returned, as text: none where it is NULL.
struct RowValue {
  std::string_view column;
  std::optional<std::string_view> value;
};

// The role of a row that an auth_query has returned. The columns are known by their names, in any
// order:
//
//     rolname        its name, which must be there
//     rolpassword    its verifier; NULL is no password, and what is no verifier lets no client in
//     rolcanlogin, rolreplication, rolsuper    booleans
//     valid_until    microseconds since 1970, until which the password is good; NULL is for ever.
//                    What rolvaliduntil has of infinity and -infinity is no such number:
//                    CASE WHEN rolvaliduntil < 'infinity' THEN (extract(epoch FROM
//                    greatest(rolvaliduntil, '1970-01-01')) * 1000000)::bigint END
//     rolconnlimit   how many connections it may have; -1 is any number
//     groups         the roles of which it is a member, as an array of text
//
// An attribute without a column is as for a role of the auth_file without attributes: the role may
// log in, and nothing else. Other columns are passed over. An error names the column, and nothing
// of its value.
runtime::Result<Role> role_of_row(std::span<const RowValue> row);

}  // namespace server::auth

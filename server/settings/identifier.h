#pragma once

// Names are cut where PostgreSQL's catalogs end (src/backend/parser/scansup.c).

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/result.h"

namespace server::settings {

inline constexpr std::size_t kIdentifierBytesMax = 63;  // NAMEDATALEN - 1

// The NOTICE messages that a client gets beside its answer, in their order.
using Notices = std::vector<runtime::Error>;

// The most of one kind that one answer brings: a client that has all its names cut knows by then.
inline constexpr std::size_t kNoticesOfAKindMax = 10;
// Leaves out what is beyond that.
void limit_notices(Notices& notices);

// Cuts `name` if it is too long, and adds a notice of that (truncate_identifier).
void truncate_identifier(std::string& name, Notices& notices);

// The names of a list with commas, in lower case but for quoted ones, cut where they are too long;
// none if it is no such list (varlena.c, SplitIdentifierString).
std::optional<std::vector<std::string>> split_identifiers(std::string_view list);

}  // namespace server::settings

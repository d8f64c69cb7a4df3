#pragma once

// Which values become values of which other types, and how (pg_cast.dat; parse_coerce.c).

#include <optional>
#include <string_view>

#include "runtime/result.h"
#include "server/console/types.h"

namespace server::console {

// How a cast comes about.
enum class CastContext {
  kImplicit,  // an argument of a function or operator
  kExplicit,  // expr::type
};

bool can_cast(Type from, Type to, CastContext context);
// Whether a value is kept the same way in both, so that nothing is to be done.
bool kept_alike(Type from, Type to);
// REQUIRES: the value is not null; can_cast(from, to, kExplicit).
runtime::Result<Value> cast(Type from, Type to, const Value& value);

// The type that values of both become where they meet, as in CASE, UNION or a comparison
// (select_common_type); none if there is none such. An unknown one gives in to the other.
std::optional<Type> common_type(Type a, Type b);

}  // namespace server::console

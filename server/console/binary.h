#pragma once

// Values in PostgreSQL's binary format (the functions xxxrecv and xxxsend of
// src/backend/utils/adt).

#include <string>
#include <string_view>

#include "runtime/result.h"
#include "server/console/types.h"
#include "server/console/value.h"

namespace server::console {

// Whether values of that type have a binary format here. The rest is text alone.
bool has_binary(Type type);

// The error is PostgreSQL's (22P03, 08P01).
runtime::Result<Value> read_binary(Type type, std::string_view bytes);
// REQUIRES: has_binary(type); the value is not null, and of that type.
std::string write_binary(Type type, const Value& value);

}  // namespace server::console

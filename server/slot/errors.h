#pragma once

// The errors of slots, as PostgreSQL names them.

#include "runtime/errors.h"
#include "server/wire/errors.h"

namespace server::slot {

// Another role owns the slot.
inline constexpr runtime::ErrorKind kNotOwner{"not_owner", "42501"};

using runtime::kDataCorrupted;
using wire::kConfigurationLimitExceeded;
using wire::kDuplicateObject;
using wire::kInvalidName;
using wire::kNameTooLong;
using wire::kObjectInUse;
using wire::kObjectNotInPrerequisiteState;
using wire::kUndefinedObject;

}  // namespace server::slot

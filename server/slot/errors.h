#pragma once

// What PostgreSQL calls what may go wrong with slots.

#include "runtime/errors.h"
#include "server/wire/errors.h"

namespace server::slot {

using runtime::kDataCorrupted;
using wire::kConfigurationLimitExceeded;
using wire::kDuplicateObject;
using wire::kInvalidName;
using wire::kNameTooLong;
using wire::kObjectInUse;
using wire::kObjectNotInPrerequisiteState;
using wire::kUndefinedObject;

}  // namespace server::slot

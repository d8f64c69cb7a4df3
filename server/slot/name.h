#pragma once

#include <cstddef>
#include <string_view>

#include "runtime/result.h"

namespace server::slot {

inline constexpr std::size_t kNameBytesMax = 63;  // NAMEDATALEN - 1

// Whether a slot may have this name: lower case letters, digits and underscores, so that it can
// name a file anywhere (slot.c, ReplicationSlotValidateName).
runtime::Result<void> validate_name(std::string_view name);

}  // namespace server::slot

#pragma once

// What PostgreSQL calls what may go wrong with slots (src/backend/utils/errcodes.txt).

#include "runtime/result.h"

namespace server::slot {

inline constexpr runtime::ErrorKind kInvalidName{"invalid_name", "42602"};
inline constexpr runtime::ErrorKind kNameTooLong{"name_too_long", "42622"};
inline constexpr runtime::ErrorKind kDuplicateObject{"duplicate_object", "42710"};
inline constexpr runtime::ErrorKind kUndefinedObject{"undefined_object", "42704"};
inline constexpr runtime::ErrorKind kLimitExceeded{"configuration_limit_exceeded", "53400"};
inline constexpr runtime::ErrorKind kNoDirectory{"object_not_in_prerequisite_state", "55000"};
inline constexpr runtime::ErrorKind kObjectInUse{"object_in_use", "55006"};
inline constexpr runtime::ErrorKind kDataCorrupted{"data_corrupted", "XX001"};

}  // namespace server::slot

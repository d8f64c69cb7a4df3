#pragma once

// Errors that PostgreSQL has names for, with their SQLSTATEs (src/backend/utils/errcodes.txt).

#include "runtime/errors.h"
#include "runtime/result.h"

namespace server::wire {

using runtime::kInvalidParameterValue;
using runtime::kObjectNotInPrerequisiteState;
inline constexpr runtime::ErrorKind kProtocolViolation{"protocol_violation", "08P01"};
inline constexpr runtime::ErrorKind kFeatureNotSupported{"feature_not_supported", "0A000"};
inline constexpr runtime::ErrorKind kCharacterNotInRepertoire{"character_not_in_repertoire",
                                                              "22021"};
inline constexpr runtime::ErrorKind kInvalidAuthorization{"invalid_authorization_specification",
                                                          "28000"};
inline constexpr runtime::ErrorKind kSyntaxError{"syntax_error", "42601"};
inline constexpr runtime::ErrorKind kInvalidName{"invalid_name", "42602"};
inline constexpr runtime::ErrorKind kNameTooLong{"name_too_long", "42622"};
inline constexpr runtime::ErrorKind kUndefinedObject{"undefined_object", "42704"};
inline constexpr runtime::ErrorKind kDuplicateObject{"duplicate_object", "42710"};
inline constexpr runtime::ErrorKind kOutOfMemory{"out_of_memory", "53200"};
inline constexpr runtime::ErrorKind kTooManyConnections{"too_many_connections", "53300"};
inline constexpr runtime::ErrorKind kConfigurationLimitExceeded{"configuration_limit_exceeded",
                                                                "53400"};
inline constexpr runtime::ErrorKind kObjectInUse{"object_in_use", "55006"};
inline constexpr runtime::ErrorKind kCannotChangeParameter{"cant_change_runtime_param", "55P02"};
inline constexpr runtime::ErrorKind kQueryCanceled{"query_canceled", "57014"};
inline constexpr runtime::ErrorKind kAdminShutdown{"admin_shutdown", "57P01"};
inline constexpr runtime::ErrorKind kIdleSessionTimeout{"idle_session_timeout", "57P05"};

}  // namespace server::wire

#pragma once

// Errors with the SQLSTATE that PostgreSQL gives them (src/backend/utils/errcodes.txt); of files
// and sockets as errcode_for_file_access does (elog.c).

#include <string>

#include "runtime/result.h"

namespace runtime {

inline constexpr ErrorKind kFileMissing{"undefined_file", "58P01"};
inline constexpr ErrorKind kFileExists{"duplicate_file", "58P02"};
inline constexpr ErrorKind kWrongObjectType{"wrong_object_type", "42809"};
inline constexpr ErrorKind kLockFileExists{"lock_file_exists", "F0001"};
inline constexpr ErrorKind kNoPermission{"insufficient_privilege", "42501"};
inline constexpr ErrorKind kDiskFull{"disk_full", "53100"};
inline constexpr ErrorKind kIoError{"io_error", "58030"};
inline constexpr ErrorKind kNoResources{"insufficient_resources", "53000"};
inline constexpr ErrorKind kDataCorrupted{"data_corrupted", "XX001"};
inline constexpr ErrorKind kInternal{"internal_error", "XX000"};
inline constexpr ErrorKind kConfigFileError{"config_file_error", "F0000"};

// Errors that rooms of one floor share, which do not include each other.
inline constexpr ErrorKind kInvalidParameterValue{"invalid_parameter_value", "22023"};
inline constexpr ErrorKind kObjectNotInPrerequisiteState{"object_not_in_prerequisite_state",
                                                         "55000"};

// An Error of the kind that `sys_errno` stands for. Its text is `what`, a colon and strerror's
// words, as PostgreSQL's %m prints them. Does not block; allocates.
Error system_error(int sys_errno, std::string what);

}  // namespace runtime

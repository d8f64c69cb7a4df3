#include "runtime/errors.h"

#include <cerrno>
#include <cstring>
#include <system_error>

namespace runtime {

namespace {

const ErrorKind* kind_of(int sys_errno) {
  switch (sys_errno) {
    case ENOENT:
      return &kFileMissing;
    case EEXIST:
      return &kFileExists;
    case ENOTDIR:
    case EISDIR:
    case ENOTEMPTY:
      return &kWrongObjectType;
    case EPERM:
    case EACCES:
    case EROFS:
      return &kNoPermission;
    case ENOSPC:
      return &kDiskFull;
    case EIO:
      return &kIoError;
    case ENFILE:
    case EMFILE:
      return &kNoResources;
    default:
      return &kInternal;
  }
}

}  // namespace

Error system_error(int sys_errno, std::string what) {
  what += ": ";
  what += std::generic_category().message(sys_errno);
  return {.kind = kind_of(sys_errno), .what = std::move(what), .sys_errno = sys_errno};
}

}  // namespace runtime

#include "server/slot/name.h"

#include <algorithm>

#include "runtime/format.h"
#include "server/slot/errors.h"

namespace server::slot {

using runtime::format;

namespace {

bool may_be_in_name(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; }

}  // namespace

runtime::Result<void> validate_name(std::string_view name) {
  if (name.empty()) {
    return runtime::Error{.kind = &kInvalidName,
                          .what = format("replication slot name \"{}\" is too short", name)};
  }
  if (name.size() > kNameBytesMax) {
    return runtime::Error{.kind = &kNameTooLong,
                          .what = format("replication slot name \"{}\" is too long", name)};
  }
  if (!std::all_of(name.begin(), name.end(), may_be_in_name)) {
    return runtime::Error{
        .kind = &kInvalidName,
        .what = format("replication slot name \"{}\" contains invalid character", name),
        .hint =
            "Replication slot names may only contain lower case letters, numbers, and the "
            "underscore character."};
  }
  return {};
}

}  // namespace server::slot

#include "server/command/slot_options.h"

#include <algorithm>
#include <string_view>

#include "runtime/errors.h"
#include "runtime/format.h"
#include "server/wire/errors.h"
#include "server/wire/text.h"

namespace server::command {

using wire::equal_ignoring_case;

namespace {

// defGetBoolean: nothing is true; a number is 0 or 1, and not as a string; words are whole.
runtime::Result<bool> boolean(const Option& option) {
  if (!option.value.has_value()) return true;
  const std::string_view value = *option.value;
  if (option.is_number ? value == "1"
                       : equal_ignoring_case(value, "true") || equal_ignoring_case(value, "on")) {
    return true;
  }
  if (option.is_number ? value == "0"
                       : equal_ignoring_case(value, "false") || equal_ignoring_case(value, "off")) {
    return false;
  }
  return runtime::Error{.kind = &wire::kSyntaxError,
                        .what = runtime::format("{} requires a Boolean value", option.name)};
}

runtime::Result<void> check_snapshot(const Option& option) {
  if (!option.value.has_value()) {
    return runtime::Error{.kind = &wire::kSyntaxError,
                          .what = runtime::format("{} requires a parameter", option.name)};
  }
  const std::string_view value = *option.value;
  if (value == "export" || value == "nothing" || value == "use") return {};
  return runtime::Error{.kind = &wire::kInvalidParameterValue,
                        .what = runtime::format(
                            "unrecognized value for CREATE_REPLICATION_SLOT option \"{}\": \"{}\"",
                            option.name, value)};
}

}  // namespace

// Each option belongs to one kind of slot, and may be there once.
runtime::Result<bool> reserves_wal(const CreateSlot& create) {
  bool reserves = false;
  for (auto option = create.options.begin(); option != create.options.end(); ++option) {
    const bool physical = option->name == "reserve_wal";
    if (!physical && option->name != "snapshot" && option->name != "two_phase") {
      return runtime::Error{.kind = &runtime::kInternal,
                            .what = runtime::format("unrecognized option: {}", option->name)};
    }
    const bool repeated = std::any_of(create.options.begin(), option,
                                      [&](const Option& o) { return o.name == option->name; });
    if (repeated || physical == create.logical) {
      return runtime::Error{.kind = &wire::kSyntaxError,
                            .what = "conflicting or redundant options"};
    }
    if (option->name == "snapshot") {
      TRY(check_snapshot(*option));
    } else {
      const bool value = TRY(boolean(*option));
      if (physical) reserves = value;
    }
  }
  return reserves;
}

}  // namespace server::command

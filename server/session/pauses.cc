#include "server/session/pauses.h"

#include <algorithm>

#include "runtime/format.h"
#include "server/wire/errors.h"
#include "server/wire/text.h"

namespace server::session {

namespace {

constexpr std::string_view kAll = "*";

std::string in_lower_case(std::string_view name) {
  std::string lower(name);
  std::ranges::transform(lower, lower.begin(), wire::lower);
  return lower;
}

}  // namespace

runtime::Result<void> Pauses::add(std::string_view name) {
  const runtime::Lock lock(mutex_);
  if (names_.size() == kNamesMax) {
    return runtime::Error{.kind = &wire::kConfigurationLimitExceeded,
                          .what = runtime::format("{} standbys are paused already", kNamesMax)};
  }
  names_.insert(in_lower_case(name));
  return {};
}

void Pauses::remove(std::string_view name) {
  const runtime::Lock lock(mutex_);
  if (name == kAll) return names_.clear();
  names_.erase(in_lower_case(name));
}

bool Pauses::contains(std::string_view application_name) const {
  const runtime::Lock lock(mutex_);
  return names_.contains(kAll) || names_.contains(in_lower_case(application_name));
}

}  // namespace server::session

#include "server/source/xmin_horizon.h"

#include <algorithm>
#include <utility>

#include "runtime/log.h"

namespace server::source {

namespace {

std::uint64_t older(std::uint64_t a, std::uint64_t b) {
  if (a == 0 || b == 0) return std::max(a, b);
  return std::min(a, b);
}

}  // namespace

void XminHorizon::set_listener(std::function<void()> changed, runtime::Duration age_max) {
  const runtime::Lock lock(mutex_);
  changed_ = std::move(changed);
  age_max_ = age_max;
}

void XminHorizon::report(std::uint32_t process_id, Xmin xmin, runtime::Instant now) {
  if (xmin == Xmin{}) return remove(process_id);
  std::function<void()> changed;
  {
    const runtime::Lock lock(mutex_);
    Standby& standby = standbys_[process_id];
    if (standby.xmin == xmin) return;
    standby = {.xmin = xmin, .since = now};
    changed = changed_;
  }
  if (changed) changed();
}

void XminHorizon::remove(std::uint32_t process_id) {
  std::function<void()> changed;
  {
    const runtime::Lock lock(mutex_);
    if (standbys_.erase(process_id) == 0) return;
    changed = changed_;
  }
  if (changed) changed();
}

Xmin XminHorizon::oldest(runtime::Instant now) {
  Xmin oldest;
  std::vector<std::uint32_t> dropped;
  {
    const runtime::Lock lock(mutex_);
    for (auto& [process_id, standby] : standbys_) {
      if (age_max_.count() > 0 && now - standby.since > age_max_) {
        if (!std::exchange(standby.dropped, true)) dropped.push_back(process_id);
        continue;
      }
      oldest.data = older(oldest.data, standby.xmin.data);
      oldest.catalog = older(oldest.catalog, standby.xmin.catalog);
    }
  }
  for (const std::uint32_t process_id : dropped) {
    runtime::log::warning(
        "hot standby feedback of process {} is older than max_feedback_age and is not passed on",
        process_id);
  }
  return oldest;
}

}  // namespace server::source

#include "server/source/xmin_horizon.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "runtime/format.h"
#include "runtime/log.h"

namespace server::source {

namespace {

std::uint64_t older(std::uint64_t a, std::uint64_t b) {
  if (a == 0 || b == 0) return std::max(a, b);
  return std::min(a, b);
}

std::string in_words(const std::variant<std::uint32_t, std::string>& who) {
  if (const auto* process_id = std::get_if<std::uint32_t>(&who)) {
    return runtime::format("process {}", *process_id);
  }
  return runtime::format("slot \"{}\"", std::get<std::string>(who));
}

}  // namespace

void XminHorizon::set_listener(std::function<void()> changed, runtime::Duration age_max) {
  const runtime::Lock lock(mutex_);
  changed_ = std::move(changed);
  age_max_ = age_max;
}

void XminHorizon::report(std::uint32_t process_id, Xmin xmin, runtime::Instant now) {
  report(Who(process_id), xmin, now);
}

void XminHorizon::remove(std::uint32_t process_id) { remove(Who(process_id)); }

void XminHorizon::report_slot(std::string_view slot, Xmin xmin, runtime::Instant now) {
  report(Who(std::string(slot)), xmin, now);
}

void XminHorizon::report(const Who& who, Xmin xmin, runtime::Instant now) {
  if (xmin == Xmin{}) return remove(who);
  std::function<void()> changed;
  {
    const runtime::Lock lock(mutex_);
    Holder& holder = holders_[who];
    if (holder.xmin == xmin) return;
    holder = {.xmin = xmin, .since = now};
    changed = changed_;
  }
  if (changed) changed();
}

void XminHorizon::remove(const Who& who) {
  std::function<void()> changed;
  {
    const runtime::Lock lock(mutex_);
    if (holders_.erase(who) == 0) return;
    changed = changed_;
  }
  if (changed) changed();
}

Xmin XminHorizon::oldest(runtime::Instant now) {
  Xmin oldest;
  std::vector<std::string> dropped;
  {
    const runtime::Lock lock(mutex_);
    for (auto& [who, holder] : holders_) {
      if (age_max_.count() > 0 && now - holder.since > age_max_) {
        if (!std::exchange(holder.dropped, true)) dropped.push_back(in_words(who));
        continue;
      }
      oldest.data = older(oldest.data, holder.xmin.data);
      oldest.catalog = older(oldest.catalog, holder.xmin.catalog);
    }
  }
  for (const std::string& who : dropped) {
    runtime::log::warning(
        "hot standby feedback of {} is older than max_feedback_age and is not passed on", who);
  }
  return oldest;
}

}  // namespace server::source

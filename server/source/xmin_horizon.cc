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

std::string title(const std::string& who, const std::string& name) {
  return name.empty() ? who : runtime::format("{} (standby \"{}\")", who, name);
}

}  // namespace

void XminHorizon::set_listener(std::function<void()> changed, runtime::Duration age_max) {
  const runtime::Lock lock(mutex_);
  changed_ = std::move(changed);
  age_max_ = age_max;
}

void XminHorizon::report(std::uint32_t process_id, std::string_view name, Xmin xmin) {
  report(Who(process_id), name, xmin);
}

void XminHorizon::remove(std::uint32_t process_id) { remove(Who(process_id)); }

void XminHorizon::report_slot(std::string_view slot, Xmin xmin) {
  report(Who(std::string(slot)), "", xmin);
}

void XminHorizon::report(const Who& who, std::string_view name, Xmin xmin) {
  if (xmin == Xmin{}) return remove(who);
  std::function<void()> changed;
  {
    const runtime::Lock lock(mutex_);
    Holder& holder = holders_[who];
    if (holder.xmin == xmin) return;
    holder = {.xmin = xmin, .name = std::string(name)};
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

Xmin XminHorizon::oldest(runtime::Instant now, TransactionId newest) {
  Xmin oldest;
  std::vector<std::string> dropped;
  {
    const runtime::Lock lock(mutex_);
    if (age_max_.count() > 0) note_who_is_behind(now, newest);
    for (auto& [who, holder] : holders_) {
      if (age_max_.count() > 0 && holder.behind_since && now - *holder.behind_since > age_max_) {
        if (!std::exchange(holder.dropped, true)) {
          dropped.push_back(title(in_words(who), holder.name));
        }
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

// Whoever keeps a transaction that is not the newest keeps what later ones leave behind.
void XminHorizon::note_who_is_behind(runtime::Instant now, TransactionId newest) {
  std::uint64_t furthest = 0;
  for (const auto& [who, holder] : holders_) {
    furthest = std::max({furthest, holder.xmin.data, holder.xmin.catalog});
  }
  const auto is_behind = [&](std::uint64_t id) {
    if (id == 0) return false;
    return id < furthest || (newest != wal::kInvalidTransactionId &&
                             wal::follows_or_equals(newest, static_cast<TransactionId>(id)));
  };
  for (auto& [who, holder] : holders_) {
    if (holder.behind_since.has_value()) continue;
    if (is_behind(holder.xmin.data) || is_behind(holder.xmin.catalog)) holder.behind_since = now;
  }
}

}  // namespace server::source

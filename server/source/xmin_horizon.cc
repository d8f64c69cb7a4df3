#include "server/source/xmin_horizon.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "runtime/check.h"
#include "runtime/format.h"
#include "runtime/log.h"

namespace server::source {

namespace {

// The smallest id; 0, which is none, of an empty set.
std::uint64_t first_of(const std::multiset<std::uint64_t>& ids) {
  return ids.empty() ? 0 : *ids.begin();
}

void erase_one(std::multiset<std::uint64_t>& ids, std::uint64_t id) {
  if (id == 0) return;
  const auto found = ids.find(id);
  CHECK(found != ids.end());
  ids.erase(found);
}

// An id that is a little ahead of what WAL shows may be right, or may be one that the primary would
// not take. What is kept for the next id is kept for that one too.
std::uint64_t not_ahead(std::uint64_t id, const wal::NextXid& next) {
  if (id == 0 || !next.epoch.has_value()) return id;
  return std::min(id, (std::uint64_t{*next.epoch} << 32) | next.id);
}

std::string in_words(const std::variant<std::uint32_t, std::string>& id) {
  if (const auto* process_id = std::get_if<std::uint32_t>(&id)) {
    return runtime::format("process {}", *process_id);
  }
  return runtime::format("slot \"{}\"", std::get<std::string>(id));
}

std::string title(const std::string& holder, const std::string& name) {
  return name.empty() ? holder : runtime::format("{} (standby \"{}\")", holder, name);
}

}  // namespace

void XminHorizon::set_listener(std::function<void()> changed, runtime::Duration age_max) {
  const runtime::Lock lock(mutex_);
  changed_ = std::move(changed);
  age_max_ = age_max;
}

void XminHorizon::report(std::uint32_t process_id, std::string_view name, Xmin xmin) {
  report(HolderId(process_id), name, xmin);
}

void XminHorizon::remove(std::uint32_t process_id) { remove(HolderId(process_id)); }

void XminHorizon::report_slot(std::string_view slot, Xmin xmin) {
  report(HolderId(std::string(slot)), "", xmin);
}

void XminHorizon::report(const HolderId& id, std::string_view name, Xmin xmin) {
  if (xmin == Xmin{}) return remove(id);
  std::function<void()> changed;
  {
    const runtime::Lock lock(mutex_);
    Holder& holder = holders_[id];
    if (holder.xmin == xmin) return;
    const Xmin before = oldest_kept();
    let_go(holder);
    holder = {.xmin = xmin, .name = std::string(name)};
    keep(xmin);
    changed = listener_if_changed(before);
  }
  if (changed) changed();
}

void XminHorizon::remove(const HolderId& id) {
  std::function<void()> changed;
  {
    const runtime::Lock lock(mutex_);
    const auto found = holders_.find(id);
    if (found == holders_.end()) return;
    const Xmin before = oldest_kept();
    let_go(found->second);
    holders_.erase(found);
    changed = listener_if_changed(before);
  }
  if (changed) changed();
}

void XminHorizon::keep(const Xmin& xmin) {
  if (xmin.data != 0) kept_data_.insert(xmin.data);
  if (xmin.catalog != 0) kept_catalog_.insert(xmin.catalog);
}

void XminHorizon::let_go(const Holder& holder) {
  if (holder.dropped) return;
  erase_one(kept_data_, holder.xmin.data);
  erase_one(kept_catalog_, holder.xmin.catalog);
}

Xmin XminHorizon::oldest_kept() const {
  return {.data = first_of(kept_data_), .catalog = first_of(kept_catalog_)};
}

std::function<void()> XminHorizon::listener_if_changed(const Xmin& before) {
  if (oldest_kept() == before) return {};
  version_.store(version_.load() + 1);
  return changed_;
}

Xmin XminHorizon::oldest(runtime::Instant now, const wal::NextXid& next) {
  Xmin oldest;
  std::vector<std::string> wrong;
  std::vector<std::string> dropped;
  {
    const runtime::Lock lock(mutex_);
    wrong = drop_wrong_holders(next);
    if (age_max_.count() > 0) {
      note_holders_behind(now, next);
      dropped = drop_old_holders(now);
    }
    oldest = oldest_kept();
  }
  for (const std::string& holder : wrong) {
    runtime::log::warning(
        "hot standby feedback of {} is of no transaction of the recent past and is not passed on",
        holder);
  }
  for (const std::string& holder : dropped) {
    runtime::log::warning(
        "hot standby feedback of {} is older than max_feedback_age and is not passed on", holder);
  }
  return {.data = not_ahead(oldest.data, next), .catalog = not_ahead(oldest.catalog, next)};
}

// Only the oldest ids are looked at. If they are right, those that come after them do no harm.
std::vector<std::string> XminHorizon::drop_wrong_holders(const wal::NextXid& next) {
  std::vector<std::string> dropped;
  const auto is_wrong = [&](std::uint64_t id) {
    return id != 0 && !wal::is_in_recent_past(id, next);
  };
  while (is_wrong(first_of(kept_data_)) || is_wrong(first_of(kept_catalog_))) {
    for (auto& [id, holder] : holders_) {
      if (holder.dropped || !(is_wrong(holder.xmin.data) || is_wrong(holder.xmin.catalog))) {
        continue;
      }
      let_go(holder);
      holder.dropped = true;
      dropped.push_back(title(in_words(id), holder.name));
    }
  }
  return dropped;
}

// A holder is behind if it keeps a transaction that is not the newest: then the rows that later
// transactions delete must stay for it.
void XminHorizon::note_holders_behind(runtime::Instant now, const wal::NextXid& next) {
  std::uint64_t furthest = 0;
  for (const auto& [id, holder] : holders_) {
    furthest = std::max({furthest, holder.xmin.data, holder.xmin.catalog});
  }
  const auto is_behind = [&](std::uint64_t xid) {
    if (xid == 0) return false;
    return xid < furthest || (next.id != wal::kInvalidTransactionId && next.age_of(xid) > 0);
  };
  for (auto& [id, holder] : holders_) {
    if (holder.behind_since.has_value()) continue;
    if (is_behind(holder.xmin.data) || is_behind(holder.xmin.catalog)) holder.behind_since = now;
  }
}

std::vector<std::string> XminHorizon::drop_old_holders(runtime::Instant now) {
  std::vector<std::string> dropped;
  for (auto& [id, holder] : holders_) {
    if (holder.dropped || !holder.behind_since || now - *holder.behind_since <= age_max_) continue;
    let_go(holder);
    holder.dropped = true;
    dropped.push_back(title(in_words(id), holder.name));
  }
  return dropped;
}

}  // namespace server::source

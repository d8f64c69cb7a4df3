#include "server/slot/entry.h"

#include <algorithm>
#include <utility>

#include "runtime/check.h"

namespace server::slot {

using wal::Lsn;
using wal::Xmin;

namespace {

std::uint64_t moved(std::uint64_t from, std::uint64_t to) {
  return from == 0 || to == 0 ? to : std::max(from, to);
}

}  // namespace

Lsn older(Lsn a, Lsn b) {
  if (!a.valid() || !b.valid()) return std::max(a, b);
  return std::min(a, b);
}

Entry::Entry(std::string_view name, Lsn restart_lsn, Xmin xmin_of)
    : slot(name, restart_lsn),
      persistence(Persistence::kPersistent),
      active_pid(0),
      exists(true),
      xmin(xmin_of),
      saved{.oldest = restart_lsn, .xmin = xmin_of, .certain = true} {}

bool Entry::needs_before(Lsn lsn) const {
  return slot.restart_lsn().valid() && slot.restart_lsn() < lsn;
}

bool Entry::is_saved_before(Lsn lsn) const {
  return saved.oldest.valid() && saved.oldest < lsn && !needs_before(lsn);
}

bool Entry::is_dirty() const {
  if (failed) return true;
  if (!exists || is_temporary()) return false;
  return !saved.certain || saved.oldest != slot.restart_lsn() || saved.xmin != xmin;
}

Lsn Entry::required_lsn() const { return older(saved.oldest, slot.restart_lsn()); }

SlotInfo Entry::info() const {
  return {.name = slot.name(),
          .persistence = persistence,
          .restart_lsn = slot.restart_lsn(),
          .active_pid = active_pid,
          .xmin = xmin};
}

void Entry::begin_save() {
  DCHECK(!is_temporary());
  saved = {.oldest = required_lsn(), .xmin = {}, .certain = false};
}

void Entry::end_save(Lsn restart_lsn, Xmin saved_xmin) {
  DCHECK(!is_temporary());
  saved = {.oldest = restart_lsn, .xmin = saved_xmin, .certain = true};
}

bool Entry::move_xmin(Xmin reported) {
  const Xmin to{moved(xmin.data, reported.data), moved(xmin.catalog, reported.catalog)};
  return std::exchange(xmin, to) != to;
}

Lsn Entry::invalidate() {
  const Lsn had = slot.restart_lsn();
  slot.invalidate();
  xmin = {};
  return had;
}

Waiters Entry::set_free() {
  active_pid = 0;
  obsolete_before = {};
  return std::exchange(waiters, {});
}

}  // namespace server::slot

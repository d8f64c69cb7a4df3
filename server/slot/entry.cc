#include "server/slot/entry.h"

#include <algorithm>
#include <utility>

#include "runtime/check.h"
#include "runtime/format.h"
#include "server/slot/errors.h"

namespace server::slot {

using wal::Lsn;
using wal::Xmin;

namespace {

std::uint64_t moved(std::uint64_t from, std::uint64_t to, const wal::NextXid& next) {
  const bool is_none = from == 0 || !wal::is_in_recent_past(from, next);
  return is_none || to == 0 ? to : std::max(from, to);
}

}  // namespace

Lsn older(Lsn a, Lsn b) {
  if (!a.valid() || !b.valid()) return std::max(a, b);
  return std::min(a, b);
}

Entry::Entry(std::string_view name, Lsn restart_lsn, Xmin xmin_of, std::string_view owner_of)
    : slot(name, restart_lsn),
      persistence(Persistence::kPersistent),
      owner(owner_of),
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
          .xmin = xmin,
          .owner = owner};
}

// The error is in the words of aclchk.c, aclcheck_error.
runtime::Result<void> Entry::check_owner(const Asker& asker, Purpose purpose) const {
  if (!asker.is_bound) return {};
  if (owner.empty() ? purpose == Purpose::kUse : owner == asker.role) return {};
  return runtime::Error{
      .kind = &kNotOwner,
      .what = runtime::format("must be owner of replication slot \"{}\"", slot.name()),
      .detail =
          owner.empty() ? "The slot has no owner, so that only a superuser may drop it." : ""};
}

void Entry::begin_save() {
  DCHECK(!is_temporary());
  saved = {.oldest = required_lsn(), .xmin = {}, .certain = false};
}

void Entry::end_save(Lsn restart_lsn, Xmin saved_xmin) {
  DCHECK(!is_temporary());
  saved = {.oldest = restart_lsn, .xmin = saved_xmin, .certain = true};
}

bool Entry::move_xmin(Xmin reported, const wal::NextXid& next) {
  if (!wal::is_in_recent_past(reported, next)) return false;
  const Xmin to{moved(xmin.data, reported.data, next), moved(xmin.catalog, reported.catalog, next)};
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

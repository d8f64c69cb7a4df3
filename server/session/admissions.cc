#include "server/session/admissions.h"

#include <algorithm>
#include <utility>

#include "runtime/check.h"
#include "runtime/format.h"
#include "server/wire/errors.h"

namespace server::session {

using runtime::format;
using runtime::Result;

namespace {

bool is_full(std::int64_t count, std::int64_t count_max) {
  return count_max > 0 && count >= count_max;
}

runtime::Fail too_many(std::string what, std::string detail = {}) {
  return runtime::Fail(
      {.kind = &wire::kTooManyConnections, .what = std::move(what), .detail = std::move(detail)});
}

}  // namespace

Admissions::Place::~Place() {
  if (admissions_ != nullptr) admissions_->leave(*this);
}

void Admissions::Place::swap(Place& other) noexcept {
  std::swap(admissions_, other.admissions_);
  std::swap(origin_, other.origin_);
  std::swap(is_startup_, other.is_startup_);
  role_.swap(other.role_);
}

Result<void> Admissions::Place::log_in(const std::string& role, std::int64_t role_max) {
  if (admissions_ == nullptr) return {};
  return admissions_->log_in(*this, role, role_max);
}

void Admissions::set_limits(const Limits& limits) {
  const runtime::Lock lock(mutex_);
  limits_ = limits;
}

Result<Admissions::Place> Admissions::admit(const Origin& origin) {
  const runtime::Lock lock(mutex_);
  const auto known = origins_.find(origin);
  TRY(check(origin, known == origins_.end() ? Count() : known->second));
  Count& count = origins_[origin];
  for (Count* each : {&count, &all_}) {
    ++each->connections;
    ++each->startups;
  }
  return Place(*this, origin);
}

Result<void> Admissions::check(const Origin& origin, const Count& count) const {
  if (is_full(all_.connections, limits_.connections_max)) {
    return too_many("sorry, too many clients already");
  }
  if (is_full(count.connections, limits_.per_address_max)) {
    return too_many(format("too many connections from address \"{}\"", origin.text()));
  }
  if (is_full(count.startups, limits_.startups_per_address_max)) {
    return too_many(format("too many connections from address \"{}\"", origin.text()),
                    format("{} of them have not logged in yet.", count.startups));
  }
  if (is_full(all_.startups, limits_.startups_max)) {
    return too_many("sorry, too many clients already",
                    format("{} of them have not logged in yet.", all_.startups));
  }
  return {};
}

// The role's own limit, and then the one of all roles (miscinit.c, InitializeSessionUserId).
Result<void> Admissions::log_in(Place& place, const std::string& role, std::int64_t role_max) {
  const runtime::Lock lock(mutex_);
  DCHECK(place.is_startup_ && place.role_.empty());
  const auto known = roles_.find(role);
  const std::int64_t count = known == roles_.end() ? 0 : known->second;
  if ((role_max >= 0 && count >= role_max) || is_full(count, limits_.per_role_max)) {
    return too_many(format("too many connections for role \"{}\"", role));
  }
  ++roles_[role];
  place.role_ = role;
  place.is_startup_ = false;
  const auto origin = origins_.find(place.origin_);
  CHECK(origin != origins_.end());
  for (Count* each : {&origin->second, &all_}) CHECK(--each->startups >= 0);
  return {};
}

void Admissions::leave(const Place& place) {
  const runtime::Lock lock(mutex_);
  const auto origin = origins_.find(place.origin_);
  CHECK(origin != origins_.end());
  for (Count* each : {&origin->second, &all_}) {
    CHECK(--each->connections >= 0);
    if (place.is_startup_) CHECK(--each->startups >= 0);
  }
  if (origin->second.connections == 0) origins_.erase(origin);
  if (place.role_.empty()) return;
  const auto role = roles_.find(place.role_);
  CHECK(role != roles_.end());
  if (--role->second == 0) roles_.erase(role);
}

// A few may be an operator's slips. From then on the delay doubles with each failure.
runtime::Duration Admissions::on_failure(const Origin& origin, const std::string& role,
                                         runtime::Instant now) {
  const runtime::Lock lock(mutex_);
  Failures& failures = failures_.touch(origin);
  if (now - failures.last > kForgottenAfter) failures = {};
  if (failures.count == 0) failures.role = role;
  failures.of_several_roles |= failures.role != role;
  failures.last = now;
  ++failures.count;
  if (failures.count <= kFailuresFree) return {};
  int growth = 1;
  for (int i = kFailuresFree + 1; i < failures.count && growth < kDelayGrowthMax; ++i) growth *= 2;
  return limits_.failure_delay * growth;
}

void Admissions::on_success(const Origin& origin, const std::string& role) {
  const runtime::Lock lock(mutex_);
  const Failures* const failures = failures_.find(origin);
  if (failures == nullptr || failures->of_several_roles || failures->role != role) return;
  failures_.forget(origin);
}

bool Admissions::may_cancel(const Origin& origin, runtime::Instant now) {
  const runtime::Lock lock(mutex_);
  if (limits_.cancels_per_second == 0) return true;
  Cancels& cancels = cancels_.touch(origin);
  if (cancels.count == 0 || now - cancels.second >= std::chrono::seconds(1)) {
    cancels = {.second = now, .count = 0};
  }
  return ++cancels.count <= limits_.cancels_per_second;
}

Admissions::Load Admissions::load() const {
  const runtime::Lock lock(mutex_);
  return {.connections = all_.connections,
          .connections_max = limits_.connections_max,
          .startups = all_.startups,
          .startups_max = limits_.startups_max};
}

std::int64_t Admissions::startups_for_test() const {
  const runtime::Lock lock(mutex_);
  return all_.startups;
}

std::int64_t Admissions::connections_for_test() const {
  const runtime::Lock lock(mutex_);
  return all_.connections;
}

}  // namespace server::session

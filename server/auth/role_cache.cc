#include "server/auth/role_cache.h"

#include <algorithm>
#include <utility>

#include "runtime/check.h"
#include "runtime/errors.h"
#include "runtime/log.h"
#include "server/auth/role_file.h"
#include "server/auth/usual_iterations.h"

namespace server::auth {

using runtime::Duration;
using runtime::Instant;
using runtime::Lock;

namespace {

constexpr std::string_view kSilent = "The primary could not be asked for the role.";
constexpr std::string_view kUnread = "What the primary has of the role could not be read.";
constexpr std::string_view kTooMany = "Too many unknown roles were asked for.";
constexpr Duration kLongTime = std::chrono::hours(1);

std::size_t bytes_of(const Role& role) {
  std::size_t bytes = sizeof(Role) + role.name.size() + kVerifierBytesMax;
  for (const std::string& group : role.groups) bytes += sizeof(group) + group.size();
  return bytes;
}

}  // namespace

RoleCache::RoleCache(const Options& options, const runtime::Clock& clock,
                     std::function<void()> wake)
    : options_(options),
      clock_(clock),
      wake_(std::move(wake)),
      cache_time_(options.cache_time),
      wanted_names_(options.waiting),
      permits_(options.strangers_burst),
      permits_at_(clock.now()) {}

std::optional<RoleAnswer> RoleCache::find(std::string_view name, RoleWish wish) {
  const Lock lock(mutex_);
  return find_locked(name, wish);
}

// A silent primary is tried by logins with names that are not known, since there may be no role
// that next() could try it with.
std::optional<RoleAnswer> RoleCache::find_locked(std::string_view name, RoleWish wish) {
  const Instant now = clock_.now();
  const bool again = wish == RoleWish::kAgain;
  if (const auto at = roles_.find(name); at != roles_.end()) {
    Known& known = at->second;
    known.used = now;
    const Duration age_max = again ? options_.again_after : cache_time_;
    if (known.asked.has_value() && now - *known.asked < age_max) return RoleAnswer{known.role};
    if (silent_until_.has_value() || is_closed_)
      return RoleAnswer{.role = known.role, .doubt = kSilent};
    return std::nullopt;
  }
  if (const auto at = strangers_.find(name); at != strangers_.end()) {
    const Duration usual = std::min(options_.stranger_time, cache_time_);
    if (now - at->second < (again ? options_.again_after : usual)) return RoleAnswer{};
  }
  if (!may_try() || is_closed_) return RoleAnswer{.role = nullptr, .doubt = kSilent};
  return std::nullopt;
}

bool RoleCache::may_try() const { return !silent_until_ || clock_.now() >= *silent_until_; }

// A bucket of permits, which fills again with time.
double RoleCache::permits_now() const {
  const double seconds = std::chrono::duration<double>(clock_.now() - permits_at_).count();
  return std::min(options_.strangers_burst, permits_ + seconds * options_.strangers_per_second);
}

bool RoleCache::take_permit() {
  permits_ = permits_now();
  permits_at_ = clock_.now();
  if (permits_ < 1) return false;
  permits_ -= 1;
  return true;
}

// Not less than a microsecond, so that rounding makes no loop of it.
Duration RoleCache::time_to_permit() const {
  const double permits = permits_now();
  if (permits >= 1) return Duration::zero();
  const std::chrono::duration<double> seconds((1 - permits) / options_.strangers_per_second);
  if (seconds >= kLongTime) return kLongTime;
  return std::chrono::duration_cast<Duration>(seconds) + std::chrono::microseconds(1);
}

void RoleCache::ask(std::string_view name, RoleWish wish, Waiter waiter, std::string_view origin) {
  std::optional<RoleAnswer> answer;
  {
    const Lock lock(mutex_);
    answer = find_locked(name, wish);
    const auto at = roles_.find(name);
    const bool is_role = at != roles_.end();
    const bool is_free = is_role && wish == RoleWish::kCached;
    if (!answer && !want(name, is_free, origin)) {
      answer = RoleAnswer{is_role ? at->second.role : nullptr, kTooMany};
    }
    if (!answer) waiters_[std::string(name)].push_back(std::move(waiter));
  }
  answer ? waiter(*std::move(answer)) : wake_();
}

// A name may wait in several places, and comes with the turn of the first. One that waits for a
// permit needs none any more once a login wants it that is free. False: too many names wait.
bool RoleCache::want(std::string_view name, bool is_free, std::string_view origin) {
  const bool waits = waiters_.contains(name);
  if (waits && !wanted_names_.has(name)) return true;
  if (!is_free) return wanted_names_.push(origin, name) || waits;
  wanted_names_.remove(name);
  wanted_roles_.emplace_back(name);
  return true;
}

// Refreshed at half of its time, a role is not older than that when a login wants it.
Instant RoleCache::due(const Known& known) const {
  if (!known.asked.has_value()) return Instant::min();
  return cache_time_.count() > 0 ? *known.asked + cache_time_ / 2 : Instant::max();
}

std::optional<std::string> RoleCache::next() {
  const Lock lock(mutex_);
  const Instant now = clock_.now();
  std::optional<std::string> name;
  if (!wanted_roles_.empty()) {
    name = std::move(wanted_roles_.front());
    wanted_roles_.pop_front();
  } else if (!wanted_names_.is_empty() && take_permit()) {
    name = wanted_names_.pop();
  }
  if (!name.has_value() && may_try()) name = find_due();
  if (const auto at = roles_.find(name.value_or("")); at != roles_.end()) at->second.tried = now;
  asking_since_ = now;
  asking_generation_ = generation_;
  return name;
}

// A silent primary is tried with one role after the other: it may be silent about one alone.
std::optional<std::string> RoleCache::find_due() const {
  const bool is_silent = silent_until_.has_value();
  const Instant now = clock_.now();
  const std::string* first = nullptr;
  Instant first_at = Instant::max();
  for (const auto& [name, known] : roles_) {
    if (!is_silent && due(known) > now) continue;
    const Instant at = is_silent ? known.tried : due(known);
    if (first != nullptr && at >= first_at) continue;
    first = &name;
    first_at = at;
  }
  return first == nullptr ? std::nullopt : std::optional(*first);
}

Duration RoleCache::time_to_next() const {
  const Lock lock(mutex_);
  if (!wanted_roles_.empty()) return Duration::zero();
  const Instant now = clock_.now();
  Instant first = Instant::max();
  for (const auto& [name, known] : roles_) first = std::min(first, due(known));
  if (!roles_.empty() && silent_until_.has_value()) first = *silent_until_;
  if (!wanted_names_.is_empty()) first = std::min(first, now + time_to_permit());
  return first <= now ? Duration::zero() : std::min(first - now, kLongTime);
}

void RoleCache::take(const std::string& name, runtime::Result<std::optional<Role>> fetched) {
  Calls calls;
  {
    const Lock lock(mutex_);
    take_locked(name, std::move(fetched), calls);
  }
  for (auto& [waiter, given] : calls) waiter(std::move(given));
}

// An answer that was on its way when the roles came to be elsewhere is none: the logins that wait
// for it have the name asked for there.
void RoleCache::take_locked(const std::string& name, runtime::Result<std::optional<Role>> fetched,
                            Calls& calls) {
  if (asking_generation_ != generation_) {
    if (waiters_.contains(name)) wanted_roles_.push_back(name);
    return;
  }
  const bool is_unread = !fetched && fetched.error().kind == &runtime::kInvalidParameterValue;
  if (!fetched && !is_unread) return fall_silent(fetched.error(), calls);
  if (std::exchange(silent_until_, std::nullopt).has_value()) {
    runtime::log::log("the primary answers questions for roles again");
  }
  if (is_unread) {
    keep_unread(name, fetched.error());
    return answer(name, kUnread, calls);
  }
  unread_.erase(name);
  *fetched ? learn(name, *std::move(*fetched)) : note_stranger(name);
  answer(name, {}, calls);
}

// The role is not asked for before its time, as if the answer had been the same as before.
void RoleCache::keep_unread(const std::string& name, const runtime::Error& error) {
  if (unread_.size() >= options_.strangers_max) unread_.clear();
  if (unread_.insert(name).second) {
    runtime::log::warning("could not read role \"{}\" of the primary; what is known stays: {}",
                          name, error.what);
  }
  const auto at = roles_.find(name);
  if (at == roles_.end()) return note_stranger(name);
  at->second.asked = asking_since_;
}

// All that wait are answered with what is known: they would wait for one silence after the other.
void RoleCache::fall_silent(const runtime::Error& error, Calls& calls) {
  if (!silent_until_.has_value()) {
    runtime::log::warning(
        "could not ask the primary for roles; those that are known stay as they are: {}",
        error.what);
  }
  silent_until_ = clock_.now() + options_.retry_interval;
  answer_all(calls);
}

void RoleCache::answer_all(Calls& calls) {
  wanted_roles_.clear();
  wanted_names_.clear();
  while (!waiters_.empty()) answer(std::string(waiters_.begin()->first), kSilent, calls);
}

void RoleCache::answer(const std::string& name, std::string_view doubt, Calls& calls) {
  const auto waiting = waiters_.find(name);
  if (waiting == waiters_.end()) return;
  const auto at = roles_.find(name);
  const RoleAnswer given{at != roles_.end() ? at->second.role : nullptr, doubt};
  for (Waiter& waiter : waiting->second) calls.emplace_back(std::move(waiter), given);
  waiters_.erase(waiting);
}

void RoleCache::learn(const std::string& name, Role role) {
  CHECK(role.name == name);
  strangers_.erase(name);
  const auto [at, is_new] = roles_.try_emplace(name);
  Known& known = at->second;
  if (is_new) known.used = clock_.now();
  known.asked = asking_since_;
  if (!is_new && is_same(*known.role, role)) return;
  is_changed_ = true;
  bytes_ -= known.bytes;
  known.bytes = bytes_of(role);
  bytes_ += known.bytes;
  known.role = std::make_shared<const Role>(std::move(role));
  keep_to_limits(name);
  count_iterations();
}

void RoleCache::note_stranger(const std::string& name) {
  if (const auto at = roles_.find(name); at != roles_.end()) {
    drop(at);
    count_iterations();
  }
  strangers_.insert_or_assign(name, asking_since_);
  if (strangers_.size() <= options_.strangers_max) return;
  strangers_.erase(
      std::min_element(strangers_.begin(), strangers_.end(),
                       [](const auto& a, const auto& b) { return a.second < b.second; }));
}

void RoleCache::drop(std::map<std::string, Known, std::less<>>::iterator at) {
  bytes_ -= at->second.bytes;
  roles_.erase(at);
  is_changed_ = true;
}

void RoleCache::keep_to_limits(const std::string& newest) {
  const auto age = [&](const auto& entry) {
    return entry.first == newest ? Instant::max() : entry.second.used;
  };
  while (roles_.size() > 1 && (roles_.size() > options_.roles_max || bytes_ > options_.bytes_max)) {
    drop(std::min_element(roles_.begin(), roles_.end(),
                          [&](const auto& a, const auto& b) { return age(a) < age(b); }));
  }
}

void RoleCache::count_iterations() {
  std::vector<const Role*> roles;
  for (const auto& [name, known] : roles_) roles.push_back(known.role.get());
  usual_iterations_.store(auth::usual_iterations(roles));
}

void RoleCache::restore(std::vector<Role> roles) {
  const Lock lock(mutex_);
  for (Role& role : roles) {
    const std::string name = role.name;
    learn(name, std::move(role));
    if (const auto at = roles_.find(name); at != roles_.end()) at->second.asked.reset();
  }
  is_changed_ = false;
}

std::optional<std::vector<std::shared_ptr<const Role>>> RoleCache::changed_roles() {
  const Lock lock(mutex_);
  if (!std::exchange(is_changed_, false)) return std::nullopt;
  std::vector<std::shared_ptr<const Role>> roles;
  for (const auto& [name, known] : roles_) roles.push_back(known.role);
  return roles;
}

void RoleCache::set_cache_time(Duration cache_time) {
  {
    const Lock lock(mutex_);
    cache_time_ = cache_time;
  }
  wake_();
}

void RoleCache::forget_strangers() {
  const Lock lock(mutex_);
  strangers_.clear();
}

void RoleCache::clear() {
  const Lock lock(mutex_);
  strangers_.clear();
  roles_.clear();
  bytes_ = 0;
  is_changed_ = true;
  ++generation_;
  silent_until_.reset();
  unread_.clear();
  count_iterations();
}

void RoleCache::close() {
  Calls calls;
  {
    const Lock lock(mutex_);
    is_closed_ = true;
    answer_all(calls);
  }
  for (auto& [waiter, given] : calls) waiter(std::move(given));
}

std::size_t RoleCache::size_for_test() const {
  const Lock lock(mutex_);
  return roles_.size() + strangers_.size();
}

}  // namespace server::auth

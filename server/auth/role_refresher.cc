#include "server/auth/role_refresher.h"

#include <chrono>
#include <utility>

#include "runtime/log.h"
#include "server/auth/role_file.h"

namespace server::auth {

// A shorter one is no rest: names that wait for their questions would have a connection made for
// each.
constexpr runtime::Duration kRest = std::chrono::seconds(1);

RoleRefresher::RoleRefresher(Options options, const runtime::Clock& clock)
    : file_(std::move(options.file)),
      cache_(std::make_shared<RoleCache>(options.cache, clock,
                                         [doorbell = doorbell_] { doorbell->ring(); })),
      place_(std::move(options.place)) {
  const runtime::Lock lock(mutex_);
  if (file_.empty()) return;
  auto roles = read_role_file(file_, place_.origin);
  if (roles) {
    cache_->restore(*std::move(roles));
  } else {
    runtime::log::warning("{}; the roles in it are fetched again", roles.error().what);
  }
}

void RoleRefresher::start() {
  thread_ = std::make_unique<runtime::NamedThread>("roles", [this](memctx::Context&) { run(); });
}

void RoleRefresher::change(RolePlace place, runtime::Duration cache_time) {
  {
    const runtime::Lock lock(mutex_);
    place.origin == place_.origin ? cache_->forget_strangers() : cache_->clear();
    place_ = std::move(place);
    is_new_place_ = true;
  }
  cache_->set_cache_time(cache_time);
}

void RoleRefresher::stop() {
  stop_.store(true);
  doorbell_->ring();
  thread_.reset();
}

void RoleRefresher::retire() {
  stop();
  cache_->close();
}

// An answer that the stop has cut short is none.
void RoleRefresher::run() {
  while (!stop_.load()) {
    const auto name = cache_->next();
    take_place();
    if (name.has_value()) {
      auto fetched = fetcher_->fetch(*name);
      if (!stop_.load()) cache_->take(*name, std::move(fetched));
      continue;
    }
    save();
    const runtime::Duration time = cache_->time_to_next();
    if (time > kRest) fetcher_->rest();
    doorbell_->wait(-1, 0, time);
  }
  save();
}

// Behind next(): the cache knows then that an answer of an old place is one.
void RoleRefresher::take_place() {
  const runtime::Lock lock(mutex_);
  if (!std::exchange(is_new_place_, false)) return;
  origin_ = place_.origin;
  fetcher_ = place_.make_fetcher(*doorbell_, stop_);
}

// Roles that could not be saved are tried again at the next occasion; one error is logged once.
void RoleRefresher::save() {
  if (auto roles = cache_->changed_roles()) {
    to_save_ = *std::move(roles);
    unsaved_ = true;
  }
  if (!unsaved_ || file_.empty()) return;
  const auto written = write_role_file(file_, origin_, to_save_);
  unsaved_ = !written;
  const std::string error = written ? "" : written.error().what;
  if (!error.empty() && error != save_error_) {
    runtime::log::error("could not keep the roles for a restart: {}", error);
  }
  save_error_ = error;
  if (written) to_save_.clear();
}

}  // namespace server::auth

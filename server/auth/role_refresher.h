#pragma once

#include <functional>
#include <memory>
#include <string>

#include "runtime/annotations.h"
#include "runtime/clock.h"
#include "runtime/doorbell.h"
#include "runtime/mutex.h"
#include "runtime/published.h"
#include "runtime/thread.h"
#include "server/auth/role_cache.h"
#include "server/auth/role_fetcher.h"

namespace server::auth {

// Where roles are fetched from. `origin` is any text that differs where the roles may.
struct RolePlace {
  using MakeFetcher = std::function<std::unique_ptr<RoleFetcher>(
      runtime::Doorbell& doorbell, const runtime::Published<bool>& stop)>;

  std::string origin;
  MakeFetcher make_fetcher;  // on any thread; the fetcher gives up once `stop` is set and rung
};

// Asks the primary for the roles that logins want or that grow old, one after the other, and keeps
// what it knows in a file.
//   Owner: Access.  Thread: its own, "roles", which may block on the primary and on files; main's
//     for all that is public.
//   Borrows: the clock.
//   Invariant: when stop() has returned, no waiter of the cache is called any more.
class RoleRefresher {
 public:
  struct Options {
    RoleCache::Options cache;
    std::string file;  // empty: nothing is kept
    RolePlace place;
  };

  // Reads the file, and logs it if that is damaged: nothing is known then.
  RoleRefresher(Options options, const runtime::Clock& clock);
  ~RoleRefresher() { stop(); }
  RoleRefresher(const RoleRefresher&) = delete;
  RoleRefresher& operator=(const RoleRefresher&) = delete;

  const std::shared_ptr<RoleCache>& cache() const { return cache_; }

  void start();
  // As after a reload: names that no role has are asked for again, and all roles if they come from
  // elsewhere.
  void change(RolePlace place, runtime::Duration cache_time);
  // Waits for the thread, but not for the primary.
  void stop();
  // The same, of a server that goes on: logins that wait, or still ask, are answered with what is
  // known. Waiters are called.
  void retire();

 private:
  void run();
  void take_place();
  void save();

  const std::string file_;
  // Lives as long as the cache, whose waiters may be left behind this.
  const std::shared_ptr<runtime::Doorbell> doorbell_ = std::make_shared<runtime::Doorbell>();
  const std::shared_ptr<RoleCache> cache_;
  runtime::Published<bool> stop_;
  runtime::Mutex mutex_;
  RolePlace place_ GUARDED_BY(mutex_);
  bool is_new_place_ GUARDED_BY(mutex_) = true;
  // The thread's.
  std::string origin_;
  std::unique_ptr<RoleFetcher> fetcher_;
  bool unsaved_ = false;
  std::vector<std::shared_ptr<const Role>> to_save_;
  std::string save_error_;

  std::unique_ptr<runtime::NamedThread> thread_;
};

}  // namespace server::auth

#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/annotations.h"
#include "runtime/clock.h"
#include "runtime/mutex.h"
#include "runtime/published.h"
#include "runtime/result.h"
#include "server/auth/role.h"
#include "server/auth/verifier.h"
#include "server/auth/waiting_names.h"

namespace server::auth {

// What is known of a role. Without a role there is none of that name, as far as is known.
struct RoleAnswer {
  std::shared_ptr<const Role> role = nullptr;
  // Why that is not certain, for the log alone. A constant.
  std::string_view doubt = {};
};

// How new an answer is to be.
enum class RoleWish {
  kCached,  // no older than `cache_time`
  kAgain,   // no older than `again_after`, since the last answer has not let the client in
};

// The roles that the primary has told of. A login finds its role here, or leaves a waiter; one
// thread takes the names that the primary is to be asked for, and brings the answers.
//
//     kCached: unknown, or older than cache_time -> the primary is asked, and the login waits
//     half of cache_time has passed              -> the primary is asked, and no login waits
//     the primary does not answer                -> what is known goes on, however old it is
//     what it has of one role cannot be read     -> the same, of that role alone
//
//   Owner: RoleRefresher and the policies, by shared pointers.  Thread: any; next(), take() and
//     changed_roles() are the refresher's.
//   Borrows: the clock. A waiter is called on any thread, with no lock held.
//   Invariant: a name is asked for once at a time, and all that wait for it have that answer.
//   Limits: those of Options. Logins with a name that is not known, and those that ask again, cost
//     the primary no more than `strangers_burst` questions at once, and `strangers_per_second` in
//     the long run, from the first question on. A name for which there is no question yet waits
//     for its place's turn, and where too many wait, a login is answered with what is known.
class RoleCache {
 public:
  struct Options {
    runtime::Duration cache_time = std::chrono::minutes(1);  // 0: each login asks
    runtime::Duration again_after = std::chrono::seconds(1);
    runtime::Duration stranger_time = std::chrono::seconds(5);   // of a name that no role has
    runtime::Duration retry_interval = std::chrono::seconds(5);  // while the primary is silent
    std::size_t roles_max = 1000;  // beyond it, the one that was not used for the longest time goes
    std::size_t bytes_max = std::size_t{16} << 20;  // of roles with their groups
    std::size_t strangers_max = 1000;
    double strangers_burst = 20;
    double strangers_per_second = 5;
    WaitingNames::Limits waiting = {};  // names that wait for one of these questions
  };
  using Waiter = std::function<void(RoleAnswer)>;

  // `wake` is called when next() may have something, on any thread, with no lock held.
  RoleCache(const Options& options, const runtime::Clock& clock, std::function<void()> wake);

  // None if the primary is to be asked first: then ask().
  std::optional<RoleAnswer> find(std::string_view name, RoleWish wish);
  // Calls the waiter at once, or when the primary has answered, or is found not to. `origin` is
  // any text for where the client comes from: names wait for their questions by place.
  void ask(std::string_view name, RoleWish wish, Waiter waiter, std::string_view origin = {});

  // The name to be asked for next, if any; take() follows.
  std::optional<std::string> next();
  // How long nothing is to be asked for, unless `wake` is called.
  runtime::Duration time_to_next() const;
  // What the primary has said of the name that next() has given; the errors are RoleFetcher's. Logs
  // when the primary falls silent, when it answers again, and once what is wrong with a role.
  void take(const std::string& name, runtime::Result<std::optional<Role>> fetched);

  // What an earlier process knew; it counts as old.
  void restore(std::vector<Role> roles);
  // All roles, if they are not those of the last call or of restore(). By name.
  std::optional<std::vector<std::shared_ptr<const Role>>> changed_roles();

  void set_cache_time(runtime::Duration cache_time);
  // The names that no role has are asked for again.
  void forget_strangers();
  // The roles come from elsewhere now.
  void clear();
  // Nothing calls next() any more: all that wait, and all that ask, are answered with what is
  // known.
  void close();

  // How many iterations most SCRAM verifiers have (mock.h).
  int usual_iterations() const { return usual_iterations_.load(); }
  std::size_t size_for_test() const;

 private:
  struct Known {
    std::shared_ptr<const Role> role;
    std::size_t bytes = 0;
    std::optional<runtime::Instant> asked;  // none: by an earlier process
    runtime::Instant tried{};               // the last question, whatever came of it
    runtime::Instant used;
  };
  using Names = std::map<std::string, runtime::Instant, std::less<>>;
  using Calls = std::vector<std::pair<Waiter, RoleAnswer>>;  // to be made without the lock

  std::optional<RoleAnswer> find_locked(std::string_view name, RoleWish wish) REQUIRES(mutex_);
  bool want(std::string_view name, bool is_free, std::string_view origin) REQUIRES(mutex_);
  double permits_now() const REQUIRES(mutex_);
  bool take_permit() REQUIRES(mutex_);
  runtime::Duration time_to_permit() const REQUIRES(mutex_);
  bool may_try() const REQUIRES(mutex_);
  runtime::Instant due(const Known& known) const REQUIRES(mutex_);
  std::optional<std::string> find_due() const REQUIRES(mutex_);
  void take_locked(const std::string& name, runtime::Result<std::optional<Role>> fetched,
                   Calls& calls) REQUIRES(mutex_);
  void fall_silent(const runtime::Error& error, Calls& calls) REQUIRES(mutex_);
  void answer_all(Calls& calls) REQUIRES(mutex_);
  void keep_unread(const std::string& name, const runtime::Error& error) REQUIRES(mutex_);
  void answer(const std::string& name, std::string_view doubt, Calls& calls) REQUIRES(mutex_);
  void learn(const std::string& name, Role role) REQUIRES(mutex_);
  void note_stranger(const std::string& name) REQUIRES(mutex_);
  void keep_to_limits(const std::string& newest) REQUIRES(mutex_);
  void drop(std::map<std::string, Known, std::less<>>::iterator at) REQUIRES(mutex_);
  void count_iterations() REQUIRES(mutex_);

  const Options options_;
  const runtime::Clock& clock_;
  const std::function<void()> wake_;

  mutable runtime::Mutex mutex_;
  runtime::Duration cache_time_ GUARDED_BY(mutex_);
  std::map<std::string, Known, std::less<>> roles_ GUARDED_BY(mutex_);
  std::size_t bytes_ GUARDED_BY(mutex_) = 0;
  Names strangers_ GUARDED_BY(mutex_);  // and when they were asked for
  std::map<std::string, std::vector<Waiter>, std::less<>> waiters_ GUARDED_BY(mutex_);
  std::deque<std::string> wanted_roles_ GUARDED_BY(mutex_);  // which take no permit
  WaitingNames wanted_names_ GUARDED_BY(mutex_);
  runtime::Instant asking_since_ GUARDED_BY(mutex_){};
  std::optional<runtime::Instant> silent_until_
      GUARDED_BY(mutex_);  // the primary; then it is tried
  double permits_ GUARDED_BY(mutex_);
  runtime::Instant permits_at_ GUARDED_BY(mutex_);
  std::set<std::string, std::less<>> unread_ GUARDED_BY(mutex_);  // what the log has heard of
  bool is_closed_ GUARDED_BY(mutex_) = false;
  bool is_changed_ GUARDED_BY(mutex_) = false;
  std::size_t generation_ GUARDED_BY(mutex_) = 0;  // how often all was cleared
  std::size_t asking_generation_ GUARDED_BY(mutex_) = 0;
  runtime::Published<int> usual_iterations_{kUsualIterations};
};

}  // namespace server::auth

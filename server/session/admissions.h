#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

#include "runtime/annotations.h"
#include "runtime/clock.h"
#include "runtime/mutex.h"
#include "runtime/result.h"
#include "server/session/origin.h"
#include "server/session/origin_table.h"

namespace server::session {

// How many clients there may be, of what kind and from where, and how often an address may fail:
// what one client, or all clients of one address, can take from the others.
//   Owner: Server.  Thread: any; a connection takes the lock when it comes, when its client is let
//   in, and when it goes.
//   Invariant: what is counted is the sum of the places that are alive.
//   Limits: those of Limits; an OriginTable of failures, and one of cancel requests.
class Admissions {
 public:
  // 0: no limit. A start-up is a connection whose client has not logged in yet.
  struct Limits {
    std::int64_t connections_max = 0;
    std::int64_t per_address_max = 0;
    std::int64_t per_role_max = 0;
    std::int64_t startups_max = 0;
    std::int64_t startups_per_address_max = 0;
    std::int64_t cancels_per_second = 0;  // of an address
    runtime::Duration failure_delay{};    // the first; 0: none
  };

  // The failures of an address that are answered at once, the most by which the first delay grows,
  // and the time after which the last failure is forgotten.
  static constexpr int kFailuresFree = 3;
  static constexpr int kDelayGrowthMax = 64;
  static constexpr runtime::Duration kForgottenAfter = std::chrono::minutes(5);

  // One connection among those that are counted, until this dies.
  //   Owner: Session.  Thread: its loop's, after the acceptor's.  Borrows: the admissions.
  class Place {
   public:
    Place() = default;
    Place(Place&& other) noexcept { swap(other); }
    Place& operator=(Place&& other) noexcept {
      Place moved(std::move(other));
      swap(moved);
      return *this;
    }
    ~Place();

    // The client is let in as this role, of which there may be `role_max` connections; -1: as many
    // as there like. kTooManyConnections: there are so many already. Does nothing for a place that
    // is not counted.
    runtime::Result<void> log_in(const std::string& role, std::int64_t role_max);

   private:
    friend class Admissions;
    Place(Admissions& admissions, const Origin& origin)
        : admissions_(&admissions), origin_(origin) {}
    void swap(Place& other) noexcept;

    Admissions* admissions_ = nullptr;
    Origin origin_;
    bool is_startup_ = true;
    std::string role_;  // counted under this; empty: no role is
  };

  explicit Admissions(const Limits& limits) : limits_(limits) {}

  // A reload counts for those that come from now on.
  void set_limits(const Limits& limits) EXCLUDES(mutex_);

  // A connection has come. kTooManyConnections: the client is not to be heard.
  runtime::Result<Place> admit(const Origin& origin) EXCLUDES(mutex_);

  // A client of this address has given a wrong proof that it is this role: how long it waits for
  // the answer.
  runtime::Duration on_failure(const Origin& origin, const std::string& role, runtime::Instant now)
      EXCLUDES(mutex_);
  // A client of this address has given a right one, which makes good the failures of that role if
  // the address has failed as no other: a client that has one role may not guess at another the
  // faster.
  void on_success(const Origin& origin, const std::string& role) EXCLUDES(mutex_);

  // Whether a cancel request of this address is to be heard.
  bool may_cancel(const Origin& origin, runtime::Instant now) EXCLUDES(mutex_);

  // How many there are, and of each how many there may be; 0: no limit.
  struct Load {
    std::int64_t connections = 0;
    std::int64_t connections_max = 0;
    std::int64_t startups = 0;
    std::int64_t startups_max = 0;
  };
  Load load() const EXCLUDES(mutex_);

  std::int64_t startups_for_test() const EXCLUDES(mutex_);
  std::int64_t connections_for_test() const EXCLUDES(mutex_);

 private:
  struct Count {
    std::int64_t connections = 0;
    std::int64_t startups = 0;
  };
  struct Failures {
    int count = 0;
    std::string role;  // the first that failed
    bool of_several_roles = false;
    runtime::Instant last{};
  };
  struct Cancels {
    runtime::Instant second{};  // the begin of the one that is counted
    std::int64_t count = 0;
  };

  runtime::Result<void> check(const Origin& origin, const Count& count) const REQUIRES(mutex_);
  runtime::Result<void> log_in(Place& place, const std::string& role, std::int64_t role_max)
      EXCLUDES(mutex_);
  void leave(const Place& place) EXCLUDES(mutex_);

  mutable runtime::Mutex mutex_;
  Limits limits_ GUARDED_BY(mutex_);
  Count all_ GUARDED_BY(mutex_);
  std::map<Origin, Count> origins_ GUARDED_BY(mutex_);  // that have connections
  std::map<std::string, std::int64_t> roles_ GUARDED_BY(mutex_);
  OriginTable<Failures> failures_ GUARDED_BY(mutex_);
  OriginTable<Cancels> cancels_ GUARDED_BY(mutex_);
};

}  // namespace server::session

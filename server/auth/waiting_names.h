#pragma once

#include <cstddef>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace server::auth {

// Names that wait for a question, of clients from many places: one name of each place comes in
// turn, so that a place that wants thousands holds up none that wants one. Unlike the items of
// runtime::FairQueue, a name that waits in several places is one, and goes from all of them.
//   Owner: RoleCache.  Thread: the owner's.
//   Invariant: no place is there without a name, and no name twice in one place.
//   Limits: those of Limits.
class WaitingNames {
 public:
  struct Limits {
    std::size_t names_max = 100;
    std::size_t names_per_origin_max = 10;
  };

  explicit WaitingNames(const Limits& limits) : limits_(limits) {}

  // A name that waits in this place already stays where it is. False: there is no room.
  bool push(std::string_view origin, std::string_view name);
  // The next name, which then waits in no place.
  std::optional<std::string> pop();
  // The name, if it is here, then waits in no place.
  void remove(std::string_view name);
  bool has(std::string_view name) const;
  bool is_empty() const { return queues_.empty(); }
  void clear();

 private:
  struct Queue {
    std::string origin;
    std::vector<std::string> names;  // in the order in which they came
  };

  const Limits limits_;
  std::list<Queue> queues_;  // in the order in which they have their turns
  std::size_t size_ = 0;     // of all queues
};

}  // namespace server::auth

#pragma once

#include <cstddef>
#include <list>
#include <map>
#include <utility>

#include "server/session/origin.h"

namespace server::session {

// What is remembered of the origins of clients that are gone. There are more addresses than memory,
// so that an origin of which nothing has been heard for the longest is forgotten for a new one.
//   Owner: Admissions.  Thread: the owner's lock's.
//   Limits: kOriginsMax.
template <typename Memory>
class OriginTable {
 public:
  static constexpr std::size_t kOriginsMax = 4096;

  // Null if nothing is known. Valid until the next call.
  Memory* find(const Origin& origin) {
    const auto found = places_.find(origin);
    return found == places_.end() ? nullptr : &found->second->second;
  }
  // What is known of the origin, of which something has just been heard.
  Memory& touch(const Origin& origin) {
    const auto found = places_.find(origin);
    if (found != places_.end()) {
      heard_.splice(heard_.end(), heard_, found->second);
    } else {
      if (places_.size() == kOriginsMax) forget(heard_.front().first);
      heard_.emplace_back(origin, Memory());
      places_.emplace(origin, std::prev(heard_.end()));
    }
    return heard_.back().second;
  }
  void forget(const Origin& origin) {
    const auto found = places_.find(origin);
    if (found == places_.end()) return;
    const auto place = found->second;
    places_.erase(found);
    heard_.erase(place);
  }
  std::size_t size() const { return places_.size(); }

 private:
  using Heard = std::list<std::pair<const Origin, Memory>>;  // the latest last

  Heard heard_;
  std::map<Origin, typename Heard::iterator> places_;
};

}  // namespace server::session

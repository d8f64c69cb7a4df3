#include "server/source/host_round.h"

#include <algorithm>
#include <utility>

#include "runtime/check.h"

namespace server::source {

using runtime::Result;

Result<std::optional<HostRound::Attempt>> HostRound::next(const LookUp& look_up) {
  for (;;) {
    while (addresses_begun_ < addresses_.size()) {
      const Host& host = addresses_[addresses_begun_++];
      if (std::find(answered_.begin(), answered_.end(), host) != answered_.end()) continue;
      return std::optional(
          Attempt{.host = host, .session_attrs = conninfo_.session_attrs.at(pass_)});
    }
    if (!go_to_next_host()) return std::optional<Attempt>();
    addresses_ = TRY(look_up(conninfo_.hosts[hosts_begun_ - 1]));
    addresses_begun_ = 0;
    if (addresses_.size() > 1) has_several_addresses_ = true;
  }
}

bool HostRound::is_over() const {
  return addresses_begun_ == addresses_.size() && hosts_begun_ == conninfo_.hosts.size() &&
         pass_ + 1 >= conninfo_.session_attrs.size();
}

std::size_t HostRound::attempts_left() const {
  const std::size_t passes = std::max(conninfo_.session_attrs.size(), pass_ + 1) - (pass_ + 1);
  return (addresses_.size() - addresses_begun_) + (conninfo_.hosts.size() - hosts_begun_) +
         passes * conninfo_.hosts.size();
}

bool HostRound::go_to_next_host() {
  if (hosts_begun_ == conninfo_.hosts.size()) {
    if (pass_ + 1 >= conninfo_.session_attrs.size()) return false;
    ++pass_;
    hosts_begun_ = 0;
  }
  if (conninfo_.hosts.empty()) return false;
  ++hosts_begun_;
  return true;
}

void HostRound::note_failure(const std::string& what) {
  if (std::exchange(last_failure_, what) == what) return;
  failures_ += failures_.empty() ? what : "\n" + what;
}

void HostRound::note_answer() {
  CHECK(addresses_begun_ > 0 && addresses_begun_ <= addresses_.size());
  answered_.push_back(addresses_[addresses_begun_ - 1]);
}

}  // namespace server::source

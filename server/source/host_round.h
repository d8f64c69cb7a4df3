#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "runtime/clock.h"
#include "runtime/result.h"
#include "server/source/conninfo.h"

namespace server::source {

// One round through the addresses of all hosts of a conninfo: which is to be tried next, and what
// was wrong with those before it. A host that has answered and was of no use is tried no more than
// one that did not answer, or a stale first host would keep the others from their turn for ever.
//   Owner: Receiver, PrimaryQuery for one question, or a check.  Thread: the owner's.
//   Invariant: an address is given at most once for each of the conninfo's session_attrs, and not
//   again once it has answered.
class HostRound {
 public:
  struct Attempt {
    Host host;  // with an address, if its name was looked up
    std::string session_attrs;
  };
  // The addresses of a host. An error ends the round; a host without addresses is passed over.
  using LookUp = std::function<runtime::Result<std::vector<Host>>(const Host& host)>;

  HostRound() = default;  // it is over
  explicit HostRound(Conninfo conninfo) : conninfo_(std::move(conninfo)) {}

  const Conninfo& conninfo() const { return conninfo_; }
  // Whether one host's failure leaves another to be tried. Grows with the addresses of names.
  bool has_several() const { return conninfo_.hosts.size() > 1 || has_several_addresses_; }

  // The next attempt; none if all have been made.
  runtime::Result<std::optional<Attempt>> next(const LookUp& look_up);
  // What was wrong. REQUIRES: an attempt, or a call of its LookUp, has come to nothing.
  void note_failure(const std::string& what);
  // The host of the attempt that was given last has answered, so that it is not tried again.
  void note_answer();
  // Whether next() would give no attempt. A host whose name is still to be looked up counts as one.
  bool is_over() const;
  // How many attempts next() has to give besides the one that is made, or looked up, now. Grows
  // with the addresses of names.
  std::size_t attempts_left() const;
  // All that was wrong, a line each. What two hosts in a row have in common is said once.
  const std::string& failures() const { return failures_; }

 private:
  bool go_to_next_host();

  Conninfo conninfo_;
  std::size_t hosts_begun_ = 0;  // of this pass
  std::size_t pass_ = 0;         // through the hosts, one for each of session_attrs
  std::vector<Host> addresses_;  // of the host that is tried now
  std::size_t addresses_begun_ = 0;
  bool has_several_addresses_ = false;
  std::vector<Host> answered_;
  std::string last_failure_;
  std::string failures_;
};

}  // namespace server::source

#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "runtime/clock.h"
#include "runtime/result.h"
#include "server/source/conninfo.h"
#include "server/source/interruptible_wait.h"

namespace server::source {

// Finds the addresses of hosts' names without ever making its thread wait for a name server:
// getaddrinfo() has no time limit and cannot be ended, so it runs on a thread that may be left
// behind.
//   Owner: HostConnector.  Thread: the owner's.
//   Borrows: clock and wait.
//   Limits: one lookup of a name at a time. One that was left is waited for again by the next call
//   for the same name, so that a name server that hangs costs one thread for each name.
class NameLookup {
 public:
  // What getaddrinfo() would say of a name; its addresses, as numbers. Blocks.
  using Resolve = runtime::Result<std::vector<std::string>> (*)(const std::string& name);

  NameLookup(const runtime::Clock& clock, const InterruptibleWait& wait,
             Resolve resolve = resolve_name)
      : clock_(clock), wait_(wait), resolve_(resolve) {}

  // One host for each address of the host, so that a silent address does not keep the others from
  // their turn, and neither does one whose server is of no use. A host that has no name to look up
  // stays as it is. kUpstreamLost, in libpq's words, if there is no such name, or if no answer has
  // come when `at_most` has passed.
  runtime::Result<std::vector<Host>> addresses_of(const Host& host, runtime::Duration at_most);

 private:
  struct Answer;

  static runtime::Result<std::vector<std::string>> resolve_name(const std::string& name);
  runtime::Result<std::shared_ptr<Answer>> ask(const std::string& name);
  runtime::Result<void> wait_for(const Answer& answer, const std::string& name,
                                 runtime::Duration at_most);

  const runtime::Clock& clock_;
  const InterruptibleWait& wait_;
  const Resolve resolve_;
  std::map<std::string, std::shared_ptr<Answer>> asked_;  // what was not answered when left
};

}  // namespace server::source

#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "runtime/clock.h"
#include "runtime/fd.h"
#include "runtime/result.h"

namespace runtime {

// Tells the service manager that has started the process how it is, as sd_notify(3) does: lines of
// "NAME=value" in a datagram to the socket that $NOTIFY_SOCKET names. Without one, or if it does
// not answer, nothing happens: a server does not depend on the manager that watches it.
//   Owner: main.  Thread: main's; never blocks.
class ServiceManager {
 public:
  // The name of a socket: a path, or a name of the abstract space behind a '@'. Empty: there is no
  // manager.
  explicit ServiceManager(std::string_view socket_name);
  // By the environment of the process.
  static std::string socket_name_of_environment();

  // The time without a word of life after which the manager takes the process for dead and kills it
  // (sd_watchdog_enabled(3), $WATCHDOG_USEC); 0: it does not watch, or another process.
  static Duration watchdog_time_of_environment();

  bool present() const { return static_cast<bool>(socket_); }

  void ready() { tell("READY=1"); }
  // One line, such as for `systemctl status`. The same text again is not sent.
  void status(std::string_view text);
  // ready() ends it.
  void reloading();
  void stopping() { tell("STOPPING=1"); }
  // The process still does what it is for. To be said more often than watchdog_time() asks for.
  void alive() { tell("WATCHDOG=1"); }

 private:
  void tell(const std::string& state);

  std::string name_;  // with a leading NUL if it is abstract
  UniqueFd socket_;
  std::string status_;
};

// The sockets that the service manager has opened for this process and listens on, as
// sd_listen_fds(3) finds them; none if it has not. The environment does not tell of them any more.
// Thread: main's, before there are others.
Result<std::vector<UniqueFd>> take_passed_sockets();

}  // namespace runtime

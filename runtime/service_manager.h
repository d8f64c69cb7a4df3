#pragma once

#include <string>
#include <string_view>

#include "runtime/fd.h"

namespace runtime {

// Tells the service manager that has started the process how it is, as sd_notify(3) does: lines of
// "NAME=value" in a datagram to the socket that $NOTIFY_SOCKET names. Without one, or if it does
// not answer, nothing happens: a server does not depend on who watches it.
//   Owner: main.  Thread: main's; never blocks.
class ServiceManager {
 public:
  // The name of a socket: a path, or a name of the abstract space behind a '@'. Empty: there is no
  // manager.
  explicit ServiceManager(std::string_view socket_name);
  // By the environment of the process.
  static std::string socket_name_of_environment();

  bool present() const { return static_cast<bool>(socket_); }

  void ready() { tell("READY=1"); }
  // One line, such as for `systemctl status`. The same text again is not sent.
  void status(std::string_view text);
  // ready() ends it.
  void reloading();
  void stopping() { tell("STOPPING=1"); }

 private:
  void tell(const std::string& state);

  std::string name_;  // with a leading NUL if it is abstract
  UniqueFd socket_;
  std::string status_;
};

}  // namespace runtime

#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "runtime/clock.h"
#include "runtime/log_line.h"
#include "runtime/socket.h"
#include "runtime/timer.h"
#include "server/session/environment.h"
#include "server/session/login.h"
#include "server/wire/message.h"

namespace server::session {

// The refusal of a client's login: it is logged, and a wrong proof counts among the failures of the
// client's address. The answer to a wrong proof of an address that has given several waits, so that
// guessing takes long; no other answer does.
//   Owner: Session.  Thread: the session's loop's.  Borrows: the environment and its owner.
//   Invariant: a refusal counts once, and counts too if the client hangs up before it is refused.
//   Limits: the wait is half of authentication_timeout at most; one answer of a few hundred bytes.
class LoginRefusal final : private runtime::Timer::Handler {
 public:
  class Owner {
   public:
    virtual ~Owner() = default;
    // The answer has waited long enough.
    virtual void on_refusal_due() = 0;
  };

  LoginRefusal(SessionEnvironment& environment, Owner& owner)
      : environment_(environment), owner_(owner), timer_(environment.loop.timers(), *this) {}

  // The login of the client at this address has ended with kRefused. A second call does nothing.
  void note(const Login& login, const runtime::SocketAddress& peer, runtime::log::Client client);
  // The answer, while it waits. It is in no queue of output, which goes out whenever there is room.
  void keep(const wire::MessageWriter& last_words);
  std::span<const std::byte> last_words() const { return last_words_; }
  // Whether the answer, or the place of a client that has gone without it, is to wait.
  bool waits() const { return timer_.armed(); }
  void give_up() { timer_.disarm(); }

 private:
  void on_timer(runtime::Timer& timer) override;

  SessionEnvironment& environment_;
  Owner& owner_;
  runtime::Timer timer_;  // armed while the answer waits
  std::vector<std::byte> last_words_;
  bool noted_ = false;
};

}  // namespace server::session

#pragma once

#include <cstdint>
#include <memory>

#include "runtime/loop.h"
#include "runtime/result.h"
#include "runtime/tls_channel.h"
#include "runtime/tls_context.h"
#include "server/auth/tls_state.h"
#include "server/session/handshake_queue.h"
#include "server/session/origin.h"

namespace server::session {

// The handshake of TLS on one connection, whose line has lent its socket for it. It waits for the
// socket, or in the queue, or for the pool; its end comes with the last step, or with the session.
//   Owner: Session, which may delete it when it hears of the end.  Thread: the session's loop's.
//   Borrows: the loop, the queue and the owner.
//   Invariant: the loop watches the socket while the handshake waits for that, and no longer.
//   Limits: the time that its line has for a login.
class Handshake final : private runtime::Loop::Handler, private HandshakeQueue::Waiter {
 public:
  class Owner {
   public:
    virtual ~Owner() = default;
    // Whether there is memory for the handshake now, which is taken then. Asked again if not.
    virtual bool may_shake() = 0;
    virtual void on_tls_agreed(ShakingSocket socket, runtime::TlsAgreement agreed) = 0;
    // The client has been told as far as TLS has words for it; nothing more can be said.
    virtual void on_tls_failed(ShakingSocket socket, const runtime::Error& error) = 0;
  };

  // Begins when the client's first record has come whole, or 16 kB of it, or its end: a client that
  // sends a byte and no more takes no memory of OpenSSL's.
  Handshake(runtime::Loop& loop, HandshakeQueue& queue, Owner& owner, const Origin& origin,
            std::shared_ptr<const runtime::TlsContext> context, runtime::UniqueFd socket);
  ~Handshake() override;

 private:
  void on_ready(std::uint32_t events) override;
  ShakingSocket lend() override { return std::move(socket_); }
  void on_step(ShakingSocket socket, runtime::TlsChannel::Step step) override;
  bool has_begun() const { return socket_.channel != nullptr; }
  bool may_begin() override { return owner_.may_shake(); }

  void wait_for(std::uint32_t events);
  void finish();
  void fail(runtime::Error error);

  runtime::Loop& loop_;
  HandshakeQueue& queue_;
  Owner& owner_;
  ShakingSocket socket_;
  bool watched_ = false;
};

// What rules may ask about the TLS of a connection.
std::shared_ptr<const auth::TlsState> describe_tls(const runtime::TlsContext& context,
                                                   runtime::TlsAgreement agreed);

}  // namespace server::session

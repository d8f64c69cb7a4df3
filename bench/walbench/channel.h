#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "bench/walbench/stamps.h"
#include "bench/walbench/tls_client.h"
#include "runtime/fd.h"
#include "runtime/loop.h"
#include "runtime/result.h"
#include "runtime/socket.h"

namespace bench::walbench {

// One connection to a server, with TLS or without, and what waits to be sent on it. Input is asked
// for unless paused, output only while something waits.
//   Owner: Standby.  Thread: the loop's.
//   Borrows: the loop, and the handler that it reports to.
//   Limits: under TLS, kEncryptedReadBytes of input whose plain text is still to be read.
class Channel {
 public:
  Channel(runtime::Loop& loop, runtime::Loop::Handler& handler) : loop_(loop), handler_(handler) {}
  ~Channel() { close(); }
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  static constexpr std::size_t kEncryptedReadBytes = 64 * 1024;

  bool is_open() const { return fd_.valid(); }

  // The loop calls the handler when connected() has an answer. Without a source the kernel chooses
  // the address to connect from. REQUIRES: !is_open().
  runtime::Result<void> connect(const runtime::SocketAddress& address,
                                const std::optional<runtime::SocketAddress>& source);
  // The errno with which connecting has failed; 0, and it may be used from now on.
  int connected();
  void close();

  // Has the kernel note when input comes, for receive().
  void note_arrivals();
  // Asks the server for TLS, with an SSLRequest. Nothing else may be sent or received until
  // shake_hands(), which is called for all input, says that the handshake is done. The failure of
  // either is that of the connection.
  runtime::Result<void> ask_for_tls(const TlsClientContext& context);
  runtime::Result<bool> shake_hands();

  // As runtime::receive(). What OpenSSL has against the input is a failure with EPROTO.
  runtime::IoResult receive(std::span<std::byte> buffer);
  // Whether there is input that the loop does not report any more.
  bool has_unread() const { return tls_.has_value() && tls_->has_unread(); }
  // When the kernel had what was received last. REQUIRES: note_arrivals().
  WallNanos arrived_at() const { return arrived_at_; }
  // Drops input in the kernel, without TLS.
  runtime::IoResult discard(std::size_t bytes_max);

  // Sends now what can be sent, and the rest when it can. False once the connection is broken.
  bool send(std::span<const std::byte> bytes);
  // The same for what waits.
  bool flush();
  bool has_unsent() const { return !unsent_.empty(); }

  void pause_reading(bool pause);

 private:
  runtime::IoResult receive_from_socket(std::span<std::byte> buffer);
  runtime::IoResult feed_tls();
  runtime::Result<bool> take_tls_answer();
  void update_interest();

  runtime::Loop& loop_;
  runtime::Loop::Handler& handler_;
  runtime::UniqueFd fd_;
  std::optional<TlsClient> tls_;
  bool tls_is_asked_for_ = false;  // the server has not answered the SSLRequest
  const TlsClientContext* tls_context_ = nullptr;
  std::vector<std::byte> unsent_;
  bool notes_arrivals_ = false;
  WallNanos arrived_at_ = 0;
  bool paused_ = false;
  std::uint32_t interest_ = 0;  // what epoll watches for
};

}  // namespace bench::walbench

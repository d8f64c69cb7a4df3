#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "runtime/fd.h"
#include "runtime/loop.h"
#include "runtime/result.h"
#include "runtime/socket.h"

namespace bench::walbench {

// One connection to a server, and what waits to be sent on it. Input is asked for unless paused,
// output only while something waits.
//   Owner: Standby.  Thread: the loop's.
//   Borrows: the loop, and the handler that it reports to.
class Channel {
 public:
  Channel(runtime::Loop& loop, runtime::Loop::Handler& handler) : loop_(loop), handler_(handler) {}
  ~Channel() { close(); }
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  bool is_open() const { return fd_.valid(); }
  int fd() const { return fd_.get(); }

  // The loop calls the handler when connected() has an answer. REQUIRES: !is_open().
  runtime::Result<void> connect(const runtime::SocketAddress& address);
  // The errno with which connecting has failed; 0, and it may be used from now on.
  int connected();
  void close();

  // Sends now what can be sent, and the rest when it can. False once the connection is broken.
  bool send(std::span<const std::byte> bytes);
  // The same for what waits.
  bool flush();
  bool has_unsent() const { return !unsent_.empty(); }

  void pause_reading(bool pause);

 private:
  void update_interest();

  runtime::Loop& loop_;
  runtime::Loop::Handler& handler_;
  runtime::UniqueFd fd_;
  std::vector<std::byte> unsent_;
  bool paused_ = false;
  std::uint32_t interest_ = 0;  // what epoll watches for
};

}  // namespace bench::walbench

#pragma once

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <string>
#include <thread>
#include <vector>

#include "runtime/check.h"
#include "runtime/fd.h"
#include "runtime/format.h"
#include "runtime/mutex.h"

namespace tests {

// A server made of a script: for each connection what it says to the start-up packet, and then to
// the questions. What clients say is not looked at. Where there is nothing to say it is silent.
class ScriptedServer {
 public:
  ScriptedServer() : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    CHECK(::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), size) == 0);
    CHECK(::listen(listener_.get(), 8) == 0);
    CHECK(::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0);
    port_ = ntohs(address.sin_port);
  }
  // Plays to the next connection, on a thread.
  void answer(const std::string& greeting, const std::string& rows = "",
              const std::string& more_rows = "") {
    threads_.emplace_back([this, greeting, rows, more_rows] {
      const int connection = ::accept(listener_.get(), nullptr, nullptr);
      {
        const runtime::Lock lock(mutex_);
        connections_.emplace_back(connection);
      }
      for (const std::string& said : {greeting, rows, more_rows}) {
        char heard[1024];
        if (said.empty() || ::recv(connection, heard, sizeof(heard), 0) <= 0) return;
        CHECK(::send(connection, said.data(), said.size(), MSG_NOSIGNAL) ==
              static_cast<ssize_t>(said.size()));
      }
    });
  }
  void finish() {
    for (std::jthread& thread : threads_) thread.join();
    threads_.clear();
  }
  void hang_up() {
    const runtime::Lock lock(mutex_);
    connections_.clear();
  }
  ~ScriptedServer() { finish(); }

  std::string conninfo() const {
    return runtime::format("host=127.0.0.1 port={} user=u sslmode=disable gssencmode=disable",
                           port_);
  }
  int port() const { return port_; }
  // Whether a client has connected that answer() was not called for.
  bool has_waiting() const {
    pollfd watched{.fd = listener_.get(), .events = POLLIN, .revents = 0};
    return ::poll(&watched, 1, 0) == 1;
  }

 private:
  runtime::UniqueFd listener_;
  int port_ = 0;
  runtime::Mutex mutex_;
  std::vector<runtime::UniqueFd> connections_ GUARDED_BY(mutex_);
  std::vector<std::jthread> threads_;
};

inline std::string backend_message(char type, const std::string& body) {
  const auto size = static_cast<std::uint32_t>(4 + body.size());
  std::string text(1, type);
  for (int shift = 24; shift >= 0; shift -= 8) text += static_cast<char>(size >> shift & 255);
  return text + body;
}

// The end of a login for which no password is wanted.
inline std::string ready() {
  return backend_message('R', std::string(4, '\0')) + backend_message('Z', "I");
}

}  // namespace tests

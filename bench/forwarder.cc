// forwarder: the least that a relay can do, as the floor for what is measured of walcast. One
// thread receives WAL from a primary on this host and sends each XLogData message on as it came, to
// every standby that streams. It proves nothing, writes nothing to disk and queues nothing: a
// standby whose socket is full is let go. README.md says how it is run; perf/live.py runs it.

#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <list>
#include <string_view>
#include <utility>

#include "bench/forwarder/primary.h"
#include "bench/forwarder/socket.h"
#include "bench/forwarder/standby.h"
#include "runtime/fd.h"
#include "runtime/format.h"
#include "runtime/result.h"

namespace bench::forwarder {

namespace {

// The loop over all sockets.
//   Owner: main.  Thread: the only one.
class Forwarder {
 public:
  // The port that it listens on: `port`, or a free one if that is 0.
  runtime::Result<std::uint16_t> open(std::uint16_t primary_port, std::uint16_t port) {
    TRY(primary_.connect(primary_port));
    listen_fd_.reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    set_option(listen_fd_.get(), SOL_SOCKET, SO_REUSEADDR, 1);
    sockaddr_in address = loopback(port);
    socklen_t size = sizeof(address);
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    if (::bind(listen_fd_.get(), generic, size) != 0 || ::listen(listen_fd_.get(), 1024) != 0) {
      return socket_error(runtime::format("could not listen on port {}", port));
    }
    CHECK(::getsockname(listen_fd_.get(), generic, &size) == 0);
    const itimerspec every_second{.it_interval = {1, 0}, .it_value = {1, 0}};
    CHECK(::timerfd_settime(timer_fd_.get(), 0, &every_second, nullptr) == 0);
    watch(listen_fd_.get(), &listen_fd_);
    watch(timer_fd_.get(), &timer_fd_);
    watch(primary_.fd(), &primary_);
    return ntohs(address.sin_port);
  }

  // Returns when the primary has ended the stream.
  void run() {
    epoll_event events[64];
    while (true) {
      const int count = ::epoll_wait(epoll_fd_.get(), events, std::size(events), /*timeout=*/-1);
      for (int i = 0; i < count; ++i) {
        if (!on_ready(events[i].data.ptr)) return;
      }
    }
  }

 private:
  // `subject` is what on_ready() gets.
  void watch(int fd, void* subject) {
    epoll_event event{.events = EPOLLIN, .data = {.ptr = subject}};
    CHECK(::epoll_ctl(epoll_fd_.get(), EPOLL_CTL_ADD, fd, &event) == 0);
  }

  bool on_ready(void* subject) {
    if (subject == &primary_) {
      return primary_.receive([this](std::string_view messages) { forward(messages); });
    }
    if (subject == &listen_fd_) {
      accept();
    } else if (subject == &timer_fd_) {
      on_second();
    } else {
      on_standby(*static_cast<Standby*>(subject));
    }
    return true;
  }

  // A standby that lags is only shut down here, because an event of this turn may still name it.
  void forward(std::string_view messages) {
    for (Standby& standby : standbys_) {
      if (!standby.streams() || standby.forward(messages)) continue;
      std::fputs("forwarder: a standby does not keep up, and is let go\n", stderr);
      ::shutdown(standby.fd(), SHUT_RDWR);
    }
  }

  void accept() {
    runtime::UniqueFd fd(::accept4(listen_fd_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!fd) return;
    Standby& standby = standbys_.emplace_back(std::move(fd), primary_);
    watch(standby.fd(), &standby);
  }

  void on_second() {
    std::uint64_t seconds = 0;
    CHECK(::read(timer_fd_.get(), &seconds, sizeof(seconds)) == sizeof(seconds));
    primary_.confirm();
  }

  void on_standby(Standby& standby) {
    if (standby.on_readable()) return;
    standbys_.remove_if([&](const Standby& one) { return &one == &standby; });
  }

  const runtime::UniqueFd epoll_fd_{::epoll_create1(EPOLL_CLOEXEC)};
  runtime::UniqueFd timer_fd_{::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC)};
  runtime::UniqueFd listen_fd_;
  Primary primary_;
  std::list<Standby> standbys_;
};

std::uint16_t port_of(const char* text) {
  return static_cast<std::uint16_t>(std::strtoul(text, nullptr, 10));
}

}  // namespace

}  // namespace bench::forwarder

int main(int argc, char** argv) {
  using namespace bench::forwarder;
  if (argc < 2 || argc > 3) {
    std::fputs("usage: forwarder PRIMARY_PORT [PORT]\n", stderr);
    return EXIT_FAILURE;
  }
  Forwarder forwarder;
  const auto port = forwarder.open(port_of(argv[1]), argc > 2 ? port_of(argv[2]) : 0);
  if (!port) {
    std::fprintf(stderr, "forwarder: %s\n", port.error().what.c_str());
    return EXIT_FAILURE;
  }
  std::printf("forwarder: ready on 127.0.0.1:%u\n", unsigned{*port});
  std::fflush(stdout);
  forwarder.run();
  std::fputs("forwarder: the primary has ended the stream\n", stderr);
  return EXIT_FAILURE;
}

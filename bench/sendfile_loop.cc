// sendfile_loop: the least that sending a directory of WAL can cost, as the floor for what is
// measured of walcast in bulk. As many threads as there are processors have an epoll loop each, and
// send each standby the bytes of the files: a header by send, the WAL behind it by sendfile.
// Nothing is proven, nothing is followed, and what is in the directory at the start is all there
// is. README.md says how it is run; perf/compare.sh runs it.

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <list>
#include <thread>
#include <utility>
#include <vector>

#include "bench/forwarder/file_standby.h"
#include "bench/forwarder/socket.h"
#include "runtime/check.h"
#include "runtime/fd.h"
#include "runtime/format.h"
#include "runtime/thread.h"

namespace bench::forwarder {

namespace {

// One loop over some of the standbys. It hears of new ones by a pipe.
//   Owner: main.  Thread: its own, but for hand_over().
class Worker {
 public:
  explicit Worker(const Archive& archive) : archive_(archive) {
    std::array<int, 2> ends{};
    CHECK(::pipe2(ends.data(), O_CLOEXEC) == 0);
    newcomers_.reset(ends[0]);
    door_.reset(ends[1]);
    watch(EPOLL_CTL_ADD, newcomers_.get(), nullptr, EPOLLIN);
  }

  // From another thread.
  void hand_over(runtime::UniqueFd connection) const {
    const int fd = connection.release();
    CHECK(::write(door_.get(), &fd, sizeof(fd)) == sizeof(fd));
  }

  [[noreturn]] void run() {
    epoll_event events[64];
    while (true) {
      const int count = ::epoll_wait(epoll_.get(), events, std::size(events), /*timeout=*/-1);
      for (int i = 0; i < count; ++i) {
        if (events[i].data.ptr == nullptr) {
          take_newcomer();
        } else {
          on_ready(*static_cast<Entry*>(events[i].data.ptr), events[i].events);
        }
      }
    }
  }

 private:
  struct Entry {
    Entry(runtime::UniqueFd connection, const Archive& archive)
        : standby(std::move(connection), archive) {}
    FileStandby standby;
    std::uint32_t watched = EPOLLIN;
  };

  void watch(int operation, int fd, Entry* entry, std::uint32_t watched) const {
    epoll_event event{.events = watched, .data = {.ptr = entry}};
    CHECK(::epoll_ctl(epoll_.get(), operation, fd, &event) == 0);
  }

  void take_newcomer() {
    int fd = -1;
    CHECK(::read(newcomers_.get(), &fd, sizeof(fd)) == sizeof(fd));
    Entry& entry = entries_.emplace_back(runtime::UniqueFd(fd), archive_);
    watch(EPOLL_CTL_ADD, fd, &entry, entry.watched);
  }

  void on_ready(Entry& entry, std::uint32_t ready) {
    FileStandby& standby = entry.standby;
    const bool is_there = ((ready & ~EPOLLOUT) == 0 || standby.on_readable()) &&
                          ((ready & EPOLLOUT) == 0 || standby.on_writable());
    if (!is_there) {
      entries_.remove_if([&](const Entry& one) { return &one == &entry; });
      return;
    }
    const std::uint32_t wanted = EPOLLIN | (standby.has_work() ? EPOLLOUT : 0u);
    if (std::exchange(entry.watched, wanted) == wanted) return;
    watch(EPOLL_CTL_MOD, standby.fd(), &entry, wanted);
  }

  const Archive& archive_;
  const runtime::UniqueFd epoll_{::epoll_create1(EPOLL_CLOEXEC)};
  runtime::UniqueFd newcomers_;  // the end to read of a pipe of file descriptors
  runtime::UniqueFd door_;       // its end to write
  std::list<Entry> entries_;
};

// A socket that listens on a port of 127.0.0.1, and the port: `port`, or a free one if that is 0.
runtime::Result<std::pair<runtime::UniqueFd, std::uint16_t>> listen_on(std::uint16_t port) {
  runtime::UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  set_option(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1);
  sockaddr_in address = loopback(port);
  socklen_t size = sizeof(address);
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (::bind(fd.get(), generic, size) != 0 || ::listen(fd.get(), 1024) != 0) {
    return socket_error(runtime::format("could not listen on port {}", port));
  }
  CHECK(::getsockname(fd.get(), generic, &size) == 0);
  return std::pair(std::move(fd), ntohs(address.sin_port));
}

// Deals new connections out to the workers in turns.
[[noreturn]] void accept_all(int listen_fd, const std::list<Worker>& workers) {
  for (auto turn = workers.begin();; ++turn) {
    if (turn == workers.end()) turn = workers.begin();
    runtime::UniqueFd fd(::accept4(listen_fd, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (fd) turn->hand_over(std::move(fd));
  }
}

int fail(const runtime::Error& error) {
  std::fprintf(stderr, "sendfile_loop: %s\n", error.what.c_str());
  return EXIT_FAILURE;
}

int serve(const std::string& directory, std::uint16_t port) {
  const auto archive = Archive::open(directory);
  if (!archive) return fail(archive.error());
  const auto listener = listen_on(port);
  if (!listener) return fail(listener.error());
  std::list<Worker> workers;
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < std::max(1u, std::thread::hardware_concurrency()); ++i) {
    Worker& worker = workers.emplace_back(*archive);
    threads.push_back(runtime::start_thread("sendfile", [&worker] { worker.run(); }));
  }
  std::printf("sendfile_loop: ready on 127.0.0.1:%u\n", unsigned{listener->second});
  std::fflush(stdout);
  accept_all(listener->first.get(), workers);
}

}  // namespace

}  // namespace bench::forwarder

int main(int argc, char** argv) {
  if (argc < 2 || argc > 3) {
    std::fputs("usage: sendfile_loop DIRECTORY [PORT]\n", stderr);
    return EXIT_FAILURE;
  }
  const auto port = argc > 2 ? std::strtoul(argv[2], nullptr, 10) : 0;
  return bench::forwarder::serve(argv[1], static_cast<std::uint16_t>(port));
}

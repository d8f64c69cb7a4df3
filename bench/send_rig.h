#pragma once

// What benchmarks of sending stand on: a connection over loopback, a file in the page cache, and a
// run of messages of one size.

#include <arpa/inet.h>
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <vector>

#include "runtime/check.h"
#include "runtime/fd.h"
#include "runtime/socket.h"
#include "server/wire/replication.h"

namespace bench {

inline constexpr std::size_t kHeaderBytes = server::wire::kXLogDataHeaderBytes;
inline constexpr std::size_t kFileBytes = 16 << 20;

// Both ends of a TCP connection over loopback, as accepted sockets are set up.
struct TcpPair {
  TcpPair() {
    const runtime::UniqueFd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto* plain = reinterpret_cast<sockaddr*>(&address);
    socklen_t size = sizeof(address);
    CHECK(::bind(listener.get(), plain, size) == 0 && ::listen(listener.get(), 1) == 0);
    CHECK(::getsockname(listener.get(), plain, &size) == 0);
    peer.reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    CHECK(::connect(peer.get(), plain, size) == 0);
    ours.reset(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    const int on = 1;
    CHECK(::setsockopt(ours.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == 0);
  }

  runtime::UniqueFd ours;
  runtime::UniqueFd peer;
};

// Drops what has arrived, without copying it.
inline void drain(int fd) {
  while (runtime::discard(fd, 1 << 20).status == runtime::IoResult::Status::kDone) {
  }
}

// A file of WAL's size in the page cache.
inline runtime::UniqueFd make_file() {
  char name[] = "/tmp/walcast-bench-XXXXXX";
  runtime::UniqueFd file(::mkstemp(name));
  CHECK(file.valid() && ::unlink(name) == 0);
  const std::vector<char> bytes(kFileBytes, 'w');
  CHECK(::write(file.get(), bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
  return file;
}

// Sends messages of state.range(0) bytes of WAL over and over; the peer drops them in between, so
// that the socket is never full.
template <typename Send>
void messages(benchmark::State& state, Send send) {
  const TcpPair sockets;
  const auto size = static_cast<std::size_t>(state.range(0));
  std::size_t offset = 0;
  std::size_t unread = 0;
  for (auto _ : state) {
    send(sockets.ours.get(), offset, size);
    offset = (offset + size) % (kFileBytes - size);
    if ((unread += size) < (64 << 10)) continue;
    state.PauseTiming();
    drain(sockets.peer.get());
    unread = 0;
    state.ResumeTiming();
  }
  state.SetBytesProcessed(state.iterations() * state.range(0));
}

}  // namespace bench

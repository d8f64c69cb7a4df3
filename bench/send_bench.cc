// The ways of a message into a socket, by its size, to choose the threshold between them: one
// sendmsg that copies header and WAL, and the header with MSG_MORE followed by sendfile. Beside
// them are those that were not taken: MSG_ZEROCOPY, and io_uring. (Over loopback the kernel copies
// what MSG_ZEROCOPY hands it, so that only its own cost shows.)

#include <liburing.h>
#include <linux/errqueue.h>
#include <sys/uio.h>

#include <array>

#include "bench/send_rig.h"

namespace {

using bench::kHeaderBytes;
using bench::make_file;
using bench::messages;
using runtime::IoResult;

// The copying path reads the bytes once per loop and not once per standby, so they are there.
void header_and_bytes(benchmark::State& state) {
  std::array<std::byte, kHeaderBytes> header{};
  std::vector<std::byte> bytes(128 << 10);
  messages(state, [&](int fd, std::size_t, std::size_t size) {
    const std::array<iovec, 2> pieces{iovec{header.data(), header.size()},
                                      iovec{bytes.data(), size}};
    CHECK(runtime::send_vector(fd, pieces, /*more=*/false).bytes == header.size() + size);
  });
}

// The same where each standby's bytes are another's: read, then sent.
void header_and_read(benchmark::State& state) {
  const runtime::UniqueFd file = make_file();
  std::array<std::byte, kHeaderBytes> header{};
  std::vector<std::byte> bytes(128 << 10);
  messages(state, [&](int fd, std::size_t offset, std::size_t size) {
    CHECK(::pread(file.get(), bytes.data(), size, static_cast<off_t>(offset)) ==
          static_cast<ssize_t>(size));
    const std::array<iovec, 2> pieces{iovec{header.data(), header.size()},
                                      iovec{bytes.data(), size}};
    CHECK(runtime::send_vector(fd, pieces, /*more=*/false).bytes == header.size() + size);
  });
}

void header_and_sendfile(benchmark::State& state) {
  const runtime::UniqueFd file = make_file();
  std::array<std::byte, kHeaderBytes> header{};
  messages(state, [&](int fd, std::size_t offset, std::size_t size) {
    const iovec piece{header.data(), header.size()};
    CHECK(runtime::send_vector(fd, {&piece, 1}, /*more=*/true).bytes == header.size());
    for (std::size_t done = 0; done < size;) {
      const IoResult sent = runtime::send_file(fd, file.get(), offset + done, size - done);
      CHECK(sent.status == IoResult::Status::kDone);
      done += sent.bytes;
    }
  });
}

#ifndef SO_ZEROCOPY
#define SO_ZEROCOPY 60
#endif

// Takes the kernel's word that the pages of earlier messages are free again.
void reap(int fd) {
  std::array<char, 256> control;
  msghdr message{};
  message.msg_control = control.data();
  do {
    message.msg_controllen = control.size();
  } while (::recvmsg(fd, &message, MSG_ERRQUEUE | MSG_DONTWAIT) >= 0);
}

void header_and_zerocopy(benchmark::State& state) {
  std::array<std::byte, kHeaderBytes> header{};
  std::vector<std::byte> bytes(128 << 10);
  messages(state, [&](int fd, std::size_t, std::size_t size) {
    const int on = 1;
    CHECK(::setsockopt(fd, SOL_SOCKET, SO_ZEROCOPY, &on, sizeof(on)) == 0);
    const iovec piece{header.data(), header.size()};
    CHECK(runtime::send_vector(fd, {&piece, 1}, /*more=*/true).bytes == header.size());
    for (std::size_t done = 0; done < size;) {
      const ssize_t sent =
          ::send(fd, bytes.data() + done, size - done, MSG_ZEROCOPY | MSG_DONTWAIT);
      if (sent < 0) {
        CHECK(errno == ENOBUFS || errno == EAGAIN);  // too many that are not reaped
      } else {
        done += static_cast<std::size_t>(sent);
      }
      reap(fd);
    }
  });
}

// One ring, and one message in it at a time, as a loop without io_uring all through would use it.
class Ring {
 public:
  Ring() : ready_(::io_uring_queue_init(8, &ring_, 0) == 0) {}
  ~Ring() {
    if (ready_) ::io_uring_queue_exit(&ring_);
  }
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;

  bool ready() const { return ready_; }
  void send(int fd, msghdr& message, std::size_t size) {
    ::io_uring_prep_sendmsg(::io_uring_get_sqe(&ring_), fd, &message, 0);
    CHECK(::io_uring_submit_and_wait(&ring_, 1) == 1);
    io_uring_cqe* done = nullptr;
    CHECK(::io_uring_peek_cqe(&ring_, &done) == 0 && done->res == static_cast<int>(size));
    ::io_uring_cqe_seen(&ring_, done);
  }

 private:
  io_uring ring_{};
  bool ready_;
};

void header_and_bytes_by_io_uring(benchmark::State& state) {
  Ring ring;
  if (!ring.ready()) {
    state.SkipWithError("the kernel has no io_uring for this user");
    return;
  }
  std::array<std::byte, kHeaderBytes> header{};
  std::vector<std::byte> bytes(128 << 10);
  messages(state, [&](int fd, std::size_t, std::size_t size) {
    std::array<iovec, 2> pieces{iovec{header.data(), header.size()}, iovec{bytes.data(), size}};
    msghdr message{};
    message.msg_iov = pieces.data();
    message.msg_iovlen = pieces.size();
    ring.send(fd, message, header.size() + size);
  });
}

void sizes(benchmark::internal::Benchmark* bench) {
  for (std::int64_t size = 512; size <= 128 << 10; size *= 2) bench->Arg(size);
}
BENCHMARK(header_and_bytes)->Apply(sizes);
BENCHMARK(header_and_read)->Apply(sizes);
BENCHMARK(header_and_sendfile)->Apply(sizes);
BENCHMARK(header_and_zerocopy)->Apply(sizes);
BENCHMARK(header_and_bytes_by_io_uring)->Apply(sizes);

}  // namespace

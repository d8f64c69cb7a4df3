#pragma once

// Two ends of a TCP connection on this host, and what tests send over it.

#include <fcntl.h>
#include <poll.h>

#include <cstddef>
#include <cstring>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/check.h"
#include "runtime/socket.h"
#include "tests/support/temp_dir.h"

namespace tests {

// Waits for an event of poll(2); false after a time in which it must have come.
inline bool await(int fd, short events) {
  pollfd waiting{.fd = fd, .events = events, .revents = 0};
  return ::poll(&waiting, 1, 10'000) == 1;
}

inline std::vector<std::byte> bytes_of(std::string_view text) {
  std::vector<std::byte> bytes(text.size());
  std::memcpy(bytes.data(), text.data(), text.size());
  return bytes;
}

inline std::vector<std::byte> noise(std::size_t size) {
  std::mt19937_64 random(size);
  std::vector<std::byte> bytes(size);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random());
  return bytes;
}

inline iovec piece(const std::vector<std::byte>& bytes) {
  return {.iov_base = const_cast<std::byte*>(bytes.data()), .iov_len = bytes.size()};
}

// "here" was accepted, as a session's socket is; "there" is its client.
class Loopback {
 public:
  Loopback() {
    const auto any_port = runtime::resolve("127.0.0.1", 0).value().at(0);
    const runtime::UniqueFd listener = runtime::listen_on(any_port, 1).value();
    there_ = runtime::connect_to(runtime::local_address(listener.get())).value();
    CHECK(await(listener.get(), POLLIN));
    accepted_ = runtime::accept_from(listener.get());
    CHECK(accepted_.fd.valid());
  }

  int here() const { return accepted_.fd.get(); }
  int there() const { return there_.get(); }
  const runtime::SocketAddress& peer() const { return accepted_.peer; }

  void send_from_there(std::string_view text) {
    CHECK(::send(there(), text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()));
  }
  // Exactly `size` bytes, as they arrive.
  std::vector<std::byte> read_there(std::size_t size) {
    std::vector<std::byte> bytes(size);
    for (std::size_t got = 0; got < size;) {
      CHECK(await(there(), POLLIN));
      const auto result = runtime::receive(there(), std::span(bytes).subspan(got));
      CHECK(result.status == runtime::IoResult::Status::kDone);
      got += result.bytes;
    }
    return bytes;
  }
  void close_there() { there_.reset(); }
  // Closes with a reset instead of an end.
  void reset_there() {
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    CHECK(::setsockopt(there(), SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)) == 0);
    there_.reset();
  }

 private:
  runtime::UniqueFd there_;
  runtime::Accepted accepted_;
};

// A file with known contents.
class DataFile {
 public:
  explicit DataFile(std::vector<std::byte> data)
      : data_(std::move(data)),
        fd_(::open(dir_.file("data").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)) {
    CHECK(::write(fd(), data_.data(), data_.size()) == static_cast<ssize_t>(data_.size()));
  }

  int fd() const { return fd_.get(); }
  std::size_t size() const { return data_.size(); }
  std::vector<std::byte> range(std::size_t offset, std::size_t size) const {
    const auto begin = data_.begin() + static_cast<std::ptrdiff_t>(offset);
    return {begin, begin + static_cast<std::ptrdiff_t>(size)};
  }

 private:
  TempDir dir_;
  std::vector<std::byte> data_;
  runtime::UniqueFd fd_;
};

}  // namespace tests

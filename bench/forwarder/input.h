#pragma once

#include <sys/socket.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

#include "runtime/check.h"
#include "server/wire/codec.h"

namespace bench::forwarder {

inline constexpr std::size_t kTypeAndLengthBytes = 5;

// What came on one socket, cut into messages. A peer that breaks the protocol ends the forwarder.
//   Owner: Primary or Standby.  Thread: the only one.
//   Limits: bytes_max; a longer message ends the connection.
class Input {
 public:
  explicit Input(std::size_t bytes_max) : buffer_(bytes_max) {}

  // Reads once, without waiting if `flags` says so. False when nothing more can be read.
  bool read(int fd, int flags) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
    const ssize_t got = ::recv(fd, buffer_.data() + end_, buffer_.size() - end_, flags);
    if (got < 0) return errno == EAGAIN || errno == EINTR;
    end_ += static_cast<std::size_t>(got);
    return got > 0;
  }

  // The next whole message: `type_bytes` of type, its length and its body. Empty if it has not come
  // in whole. Valid until the next read().
  std::string_view next(std::size_t type_bytes = 1) {
    const std::string_view rest(buffer_.data() + begin_, end_ - begin_);
    if (rest.size() < type_bytes + sizeof(std::uint32_t)) return {};
    const auto* length = reinterpret_cast<const std::byte*>(rest.data()) + type_bytes;
    const auto length_and_body = server::wire::load_big_endian<std::uint32_t>(length);
    CHECK(length_and_body >= sizeof(std::uint32_t));
    const std::size_t whole = type_bytes + length_and_body;
    if (rest.size() < whole) return {};
    begin_ += whole;
    return rest.substr(0, whole);
  }

 private:
  std::vector<char> buffer_;
  std::size_t begin_ = 0;  // of what next() has not handed out
  std::size_t end_ = 0;    // of what has come
};

// REQUIRES: a message with a type and a length.
inline std::span<const std::byte> body_of(std::string_view message) {
  return std::as_bytes(std::span(message)).subspan(kTypeAndLengthBytes);
}

}  // namespace bench::forwarder

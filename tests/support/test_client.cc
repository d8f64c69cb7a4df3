#include "tests/support/test_client.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include "runtime/check.h"

namespace tests {

TestClient::TestClient(std::uint16_t port, int receive_buffer_bytes)
    : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  CHECK(fd_.valid());
  if (receive_buffer_bytes > 0) {
    CHECK(::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVBUF, &receive_buffer_bytes,
                       sizeof(receive_buffer_bytes)) == 0);
  }
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  CHECK(::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0);
}

bool TestClient::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

bool TestClient::start_up() {
  if (!send(startup_packet(walreceiver_parameters()))) return false;
  const auto messages = until('Z');
  return !messages.empty() && messages.back().type == 'Z';
}

Message TestClient::next() {
  for (;;) {
    if (auto message = take_message(received_)) return std::move(*message);
    if (!receive()) return {};
  }
}

std::vector<Message> TestClient::until(char type) {
  std::vector<Message> messages;
  do {
    messages.push_back(next());
  } while (messages.back().type != type && messages.back().type != 0);
  return messages;
}

std::string TestClient::raw(std::size_t bytes) {
  while (received_.size() < bytes && receive()) {
  }
  std::string taken = received_.substr(0, bytes);
  received_.erase(0, bytes);
  return taken;
}

std::vector<Message> TestClient::to_end() {
  while (receive()) {
  }
  return take_messages(received_);
}

std::string TestClient::wal(std::size_t bytes) {
  std::string wal;
  while (wal.size() < bytes) {
    const Message message = next();
    if (message.type == 0) break;
    const auto data = xlog_data(message);
    EXPECT_TRUE(data.has_value() || keepalive(message).has_value()) << message.type;
    if (data.has_value()) wal += data->wal;
  }
  return wal;
}

bool TestClient::receive() {
  pollfd readable{.fd = fd_.get(), .events = POLLIN, .revents = 0};
  if (::poll(&readable, 1, /*timeout_ms=*/60'000) <= 0) {
    ADD_FAILURE() << "nothing has come within a minute";
    return false;
  }
  char buffer[64 * 1024];
  const ssize_t bytes = ::recv(fd_.get(), buffer, sizeof(buffer), 0);
  if (bytes > 0) received_.append(buffer, static_cast<std::size_t>(bytes));
  return bytes > 0;
}

}  // namespace tests

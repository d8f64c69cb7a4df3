#include "runtime/service_manager.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <ctime>

#include "runtime/format.h"
#include "runtime/system_call.h"

namespace runtime {

ServiceManager::ServiceManager(std::string_view socket_name) : name_(socket_name) {
  const bool is_name = name_.starts_with('/') || name_.starts_with('@');
  if (!is_name || name_.size() < 2 || name_.size() >= sizeof(sockaddr_un::sun_path)) return;
  if (name_.front() == '@') name_.front() = '\0';
  socket_ = UniqueFd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
}

std::string ServiceManager::socket_name_of_environment() {
  const char* const name = std::getenv("NOTIFY_SOCKET");
  return name == nullptr ? "" : name;
}

// A status is one line.
void ServiceManager::status(std::string_view text) {
  std::string line(text);
  std::replace(line.begin(), line.end(), '\n', ' ');
  if (line == status_) return;
  status_ = std::move(line);
  tell("STATUS=" + status_);
}

// Type=notify-reload takes the word of a reload only with the time at which it has begun.
void ServiceManager::reloading() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  const auto micros = std::int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1'000;
  tell(format("RELOADING=1\nMONOTONIC_USEC={}", micros));
}

void ServiceManager::tell(const std::string& state) {
  if (!present()) return;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, name_.data(), name_.size());
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name_.size());
  static_cast<void>(retry_on_signal([&] {
    return ::sendto(socket_.get(), state.data(), state.size(), MSG_NOSIGNAL,
                    reinterpret_cast<const sockaddr*>(&address), size);
  }));
}

}  // namespace runtime

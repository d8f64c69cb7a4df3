#include "runtime/service_manager.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <ctime>

#include "runtime/errors.h"
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

Duration ServiceManager::watchdog_time_of_environment() {
  const char* const of_process = std::getenv("WATCHDOG_PID");
  const char* const time = std::getenv("WATCHDOG_USEC");
  if (time == nullptr || (of_process != nullptr && std::atoi(of_process) != ::getpid())) return {};
  return std::chrono::microseconds(std::max(std::strtoll(time, nullptr, 10), 0LL));
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

namespace {

constexpr int kFirstPassed = 3;  // SD_LISTEN_FDS_START

// A number in the environment; 0 if there is none.
int environment_number(const char* name) {
  const char* const text = std::getenv(name);
  return text == nullptr ? 0 : std::atoi(text);
}

bool is_option_set(int fd, int option, int wanted) {
  int value = 0;
  socklen_t size = sizeof(value);
  return ::getsockopt(fd, SOL_SOCKET, option, &value, &size) == 0 && value == wanted;
}

}  // namespace

Result<std::vector<UniqueFd>> take_passed_sockets() {
  const int count =
      environment_number("LISTEN_PID") == ::getpid() ? environment_number("LISTEN_FDS") : 0;
  for (const char* name : {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"}) ::unsetenv(name);
  std::vector<UniqueFd> passed;
  for (int fd = kFirstPassed; fd < kFirstPassed + count; ++fd) {
    const bool is_known = is_option_set(fd, SO_DOMAIN, AF_UNIX) ||
                          is_option_set(fd, SO_DOMAIN, AF_INET) ||
                          is_option_set(fd, SO_DOMAIN, AF_INET6);
    if (!is_known || !is_option_set(fd, SO_TYPE, SOCK_STREAM) ||
        !is_option_set(fd, SO_ACCEPTCONN, 1)) {
      return Error{.kind = &kInternal,
                   .what = format("descriptor {}, which the service manager has passed, is no "
                                  "listening stream socket of TCP or Unix",
                                  fd)};
    }
    ::fcntl(fd, F_SETFD, FD_CLOEXEC);
    ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
    passed.emplace_back(fd);
  }
  return passed;
}

}  // namespace runtime

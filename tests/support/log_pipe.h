#pragma once

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <string>
#include <string_view>

#include "runtime/check.h"
#include "runtime/fd.h"

namespace tests {

// What the log says, as it says it. It must say little: the pipe is read only afterwards.
class LogPipe {
 public:
  LogPipe() : stderr_(::dup(STDERR_FILENO)) {
    int ends[2];
    CHECK(stderr_.valid() && ::pipe2(ends, O_CLOEXEC) == 0);
    read_end_.reset(ends[0]);
    const runtime::UniqueFd write_end(ends[1]);
    CHECK(::dup2(write_end.get(), STDERR_FILENO) == STDERR_FILENO);
  }
  ~LogPipe() { ::dup2(stderr_.get(), STDERR_FILENO); }
  LogPipe(const LogPipe&) = delete;
  LogPipe& operator=(const LogPipe&) = delete;

  // Waits until it has said this, ten seconds at most. Opens nothing.
  bool wait_for(std::string_view text) { return wait_for_lines(text, 1); }
  // The same, until it has said it so often.
  bool wait_for_lines(std::string_view text, std::size_t times) {
    while (count(text) < times) {
      pollfd readable{.fd = read_end_.get(), .events = POLLIN, .revents = 0};
      if (::poll(&readable, 1, /*timeout_ms=*/10'000) <= 0) return false;
      char buffer[4096];
      const ssize_t bytes = ::read(read_end_.get(), buffer, sizeof(buffer));
      if (bytes <= 0) return false;
      said_.append(buffer, static_cast<std::size_t>(bytes));
    }
    return true;
  }
  const std::string& said() const { return said_; }

 private:
  std::size_t count(std::string_view text) const {
    std::size_t found = 0;
    for (auto at = said_.find(text); at != std::string::npos; at = said_.find(text, at + 1)) {
      ++found;
    }
    return found;
  }

  runtime::UniqueFd stderr_;
  runtime::UniqueFd read_end_;
  std::string said_;
};

}  // namespace tests

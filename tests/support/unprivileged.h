#pragma once

#include <sys/fsuid.h>
#include <unistd.h>

namespace tests {

// While this lives, file permissions count for the thread that made it, even if it is root's.
class Unprivileged {
 public:
  Unprivileged() : before_(::setfsuid(kNobody)) {}
  Unprivileged(const Unprivileged&) = delete;
  Unprivileged& operator=(const Unprivileged&) = delete;
  ~Unprivileged() { ::setfsuid(static_cast<uid_t>(before_)); }

  // False only if root may not become another user, as in some containers.
  bool is_effective() const { return current() != 0; }

 private:
  static constexpr uid_t kNobody = 65534;

  // An id that no user can have changes nothing.
  static int current() { return ::setfsuid(static_cast<uid_t>(-1)); }

  const int before_;
};

}  // namespace tests

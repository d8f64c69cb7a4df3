#include "runtime/users.h"

#include <pwd.h>
#include <sys/socket.h>

#include <cerrno>
#include <vector>

#include "runtime/errors.h"
#include "runtime/format.h"

namespace runtime {

std::int64_t peer_uid(int fd) {
  ucred credentials{};
  socklen_t size = sizeof(credentials);
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) return -1;
  return credentials.uid;
}

// The words are PostgreSQL's (auth.c, auth_peer; pgport's user lookup).
Result<std::string> user_name(std::int64_t uid) {
  if (uid < 0) {
    return Error{.kind = &kInternal, .what = "could not get peer credentials"};
  }
  std::vector<char> buffer(16 * 1024);
  passwd entry{};
  passwd* found = nullptr;
  const int failed =
      ::getpwuid_r(static_cast<uid_t>(uid), &entry, buffer.data(), buffer.size(), &found);
  if (failed != 0) {
    return system_error(failed, format("could not look up local user ID {}", uid));
  }
  if (found == nullptr) {
    return Error{.kind = &kInternal, .what = format("local user with ID {} does not exist", uid)};
  }
  return std::string(found->pw_name);
}

}  // namespace runtime

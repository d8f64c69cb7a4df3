#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/annotations.h"
#include "runtime/mutex.h"
#include "runtime/result.h"
#include "server/auth/digest.h"
#include "server/auth/users.h"
#include "server/auth/verifier.h"

namespace server::http {

// Which clients may ask by HTTP: the bearers of a token (RFC 6750), and users with a password (RFC
// 7617).
//   Owner: HttpServer.  Thread: any; what it was read from never changes, and a reload makes
//   another.
//   Limits: kFileBytesMax of tokens; one password is derived at a time, so that wrong ones take no
//   more than one processor; kKnownMax right ones are remembered, which cost nothing again.
class Access {
 public:
  static constexpr std::size_t kFileBytesMax = 64 * 1024;
  static constexpr std::size_t kTokenBytesMin = 16;  // shorter ones could be guessed
  static constexpr std::size_t kKnownMax = 64;

  struct Files {
    std::string token_file;  // a token on each line; empty: there is none, and so with the next
    std::string user_file;   // as an auth_file (users.h)
  };

  // Blocks. A file that is wrong is an error, which has nothing of a token or a password.
  static runtime::Result<std::shared_ptr<const Access>> read(const Files& files);

  Access(std::string_view tokens, auth::Users users, bool is_open);

  // All come in: there are no files.
  bool is_open() const { return is_open_; }
  bool has_users() const { return !users_.roles().empty(); }
  // By the value of the header Authorization. May take some milliseconds.
  bool lets_in(std::string_view authorization) const EXCLUDES(mutex_, one_at_a_time_);

 private:
  bool has_token(std::string_view token) const;
  bool has_password(std::string_view credentials) const EXCLUDES(mutex_, one_at_a_time_);
  bool is_known(const std::string& digest) const EXCLUDES(mutex_);
  void remember(const std::string& digest) const EXCLUDES(mutex_);

  const bool is_open_;
  std::vector<auth::Key> tokens_;  // their digests
  const auth::Users users_;
  auth::ScramVerifier stand_in_;  // for users that there are not

  mutable runtime::Mutex one_at_a_time_;  // held while a password is derived, which is its purpose
  mutable runtime::Mutex mutex_;
  mutable std::vector<std::string> known_ GUARDED_BY(mutex_);  // digests of right credentials
};

}  // namespace server::http

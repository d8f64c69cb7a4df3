#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "bench/walbench/frontend.h"
#include "runtime/result.h"
#include "server/auth/digest.h"
#include "server/auth/random_source.h"

namespace bench::walbench {

// The keys that SCRAM derives from passwords, by password, salt and count. To derive them takes a
// millisecond; the standbys of a role share them.
//   Owner: Worker.  Thread: the owner's.
//   Limits: kEntriesMax; more are derived each time.
class ScramKeys {
 public:
  static constexpr std::size_t kEntriesMax = 64;
  struct Keys {
    server::auth::Key client;
    server::auth::Key server;
  };

  // REQUIRES: iterations > 0.
  Keys get(const std::string& password, std::string_view salt, int iterations);

 private:
  std::map<std::string, Keys> known_;
};

// The client's side of the exchange in which a server has a role proven: by a password as it is, by
// its MD5, or by SCRAM-SHA-256 without channel binding (fe-auth.c, fe-auth-scram.c; RFC 5802). Does
// no I/O.
//   Owner: Login.  Thread: the owner's.
//   Borrows: the keys, and the random source.
class PasswordProof {
 public:
  // An empty password is none.
  PasswordProof(std::string user, std::string password, ScramKeys& keys,
                server::auth::RandomSource& random)
      : user_(std::move(user)), password_(std::move(password)), keys_(keys), random_(random) {}

  // What to answer to the body of an Authentication message; nothing if it wants no answer. Fails
  // by kAuthentication.
  runtime::Result<Bytes> on_request(std::span<const std::byte> body);

 private:
  runtime::Result<Bytes> answer(std::uint32_t code, std::string_view data);
  runtime::Result<Bytes> md5(std::string_view salt) const;
  runtime::Result<Bytes> begin_scram(std::string_view mechanisms);
  runtime::Result<Bytes> go_on_with_scram(std::string_view server_first);
  runtime::Result<void> end_scram(std::string_view server_final);

  const std::string user_;
  const std::string password_;
  ScramKeys& keys_;
  server::auth::RandomSource& random_;
  std::string nonce_;
  std::string server_signature_;  // as it must come, in base64
  bool proven_ = false;  // the server has shown that it knows the role, as it must in SCRAM
  bool uses_scram_ = false;
};

}  // namespace bench::walbench

#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "server/auth/exchange.h"
#include "server/auth/mock.h"
#include "server/wire/framer.h"
#include "tests/support/counting_random.h"

namespace tests {

server::auth::ScramVerifier scram_verifier(std::string_view password, int iterations = 16);
// The tests' secret of the installation.
const server::auth::Mock& test_mock();
// PasswordMessage, SASLInitialResponse and SASLResponse, whole or what is behind their length.
std::string password_message(std::string_view body);
std::string initial_response(std::string_view mechanism, std::string_view message);

// A client that authenticates. What comes of a step it returns as a line: "in", with what was
// written in front of AuthenticationOk; an error's SQLSTATE, message and detail, with what the log
// gets behind "//", and "silent" if the client is not told; or the next request: "R 3".
//   Owner: a test.  Thread: its.
class ExchangeClient {
 public:
  explicit ExchangeClient(const server::auth::Exchange::Options& options)
      : exchange_(options, test_mock(), random_) {}

  std::string begin();
  server::wire::CutResult cut(std::string_view bytes) const;
  std::string send_bytes(std::string_view bytes);
  std::string send(std::string_view body) { return send_bytes(password_message(body)); }
  std::string send_text(std::string_view text) { return send(std::string(text) + '\0'); }
  // A whole exchange of SCRAM.
  std::string prove(std::string_view password, std::string_view mechanism = "SCRAM-SHA-256",
                    std::optional<std::string_view> end_point = {});
  // What the last step wrote: "R 11 challenge".
  const std::string& written() const { return written_; }

 private:
  std::string outcome(server::auth::Exchange::Next next, const server::wire::MessageWriter& writer);

  CountingRandom random_;
  server::auth::Exchange exchange_;
  std::string written_;
};

}  // namespace tests

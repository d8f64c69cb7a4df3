#pragma once

#include <string>
#include <string_view>

#include "runtime/check.h"
#include "server/auth/base64.h"
#include "server/auth/digest.h"
#include "server/auth/saslprep.h"

namespace server::auth {

// The client's side of SCRAM, for tests.
//   Owner: a test.  Thread: its.
class ScramClient {
 public:
  explicit ScramClient(std::string_view password, std::string_view nonce = "rOprNGfwEbeRWgbNEkqO")
      : password_(saslprep(password)), nonce_(nonce) {}

  std::string bare() const { return "n=,r=" + nonce_; }
  std::string first(std::string_view header = "n,,") const { return std::string(header) + bare(); }

  // client-final-message, to the server's first one.
  std::string final(std::string_view server_first, std::string_view binding = "biws") {
    const std::string nonce = value_of(server_first, 'r');
    const auto salt = decode_base64(value_of(server_first, 's'));
    CHECK(salt.has_value());
    const Key salted = pbkdf2_sha256(password_.reveal(), salt->reveal_bytes(),
                                     std::stoi(value_of(server_first, 'i')));
    const std::string without_proof = "c=" + std::string(binding) + ",r=" + nonce;
    const std::string auth_message = bare() + "," + std::string(server_first) + "," + without_proof;
    Key proof = hmac_sha256(salted.reveal(), "Client Key");
    const Key signature = hmac_sha256(sha256(proof.reveal()).reveal(), auth_message);
    for (std::size_t i = 0; i < kSha256Bytes; ++i) proof.reveal()[i] ^= signature.reveal()[i];
    const Key server_key = hmac_sha256(salted.reveal(), "Server Key");
    server_final_ = "v=" + encode_base64(hmac_sha256(server_key.reveal(), auth_message).reveal());
    return without_proof + ",p=" + encode_base64(proof.reveal());
  }
  // What the server must say to that.
  const std::string& server_final() const { return server_final_; }

 private:
  static std::string value_of(std::string_view message, char attribute) {
    const std::string begin = std::string(1, attribute) + "=";
    while (!message.starts_with(begin)) {
      const auto comma = message.find(',');
      CHECK(comma != message.npos);
      message.remove_prefix(comma + 1);
    }
    return std::string(message.substr(
        2, message.find(',') == message.npos ? message.npos : message.find(',') - 2));
  }

  const Secret password_;
  const std::string nonce_;
  std::string server_final_;
};

}  // namespace server::auth

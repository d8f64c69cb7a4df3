#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>
#include <string_view>

#include "runtime/check.h"
#include "tests/support/certificates.h"

namespace tests {

// The client's side of TLS on a socket of the test, which it does not own.
//   Owner: the test.  Thread: one at a time.
class TlsClient {
 public:
  struct Options {
    std::string authority = {};  // that vouches for the server; empty: not asked
    Authority::Files own = {};   // its own certificate
    int version_max = 0;         // 0: any
    std::string ciphers = {};    // up to TLS 1.2
    std::string alpn = {};       // as on the wire: a length byte before each name
  };

  TlsClient(int socket, const Options& options)
      : context_(SSL_CTX_new(TLS_client_method()), &SSL_CTX_free), ssl_(nullptr, &SSL_free) {
    SSL_CTX* const context = context_.get();
    SSL_CTX_set_mode(context, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_ENABLE_PARTIAL_WRITE);
    SSL_CTX_set_max_proto_version(context, options.version_max);
    if (!options.ciphers.empty()) SSL_CTX_set_cipher_list(context, options.ciphers.c_str());
    if (!options.authority.empty()) {
      CHECK(SSL_CTX_load_verify_locations(context, options.authority.c_str(), nullptr) == 1);
      SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
    }
    if (!options.own.key.empty()) {
      CHECK(SSL_CTX_use_certificate_chain_file(context, options.own.certificate.c_str()) == 1);
      CHECK(SSL_CTX_use_PrivateKey_file(context, options.own.key.c_str(), SSL_FILETYPE_PEM) == 1);
    }
    const auto* alpn = reinterpret_cast<const unsigned char*>(options.alpn.data());
    if (!options.alpn.empty()) {
      SSL_CTX_set_alpn_protos(context, alpn, static_cast<unsigned int>(options.alpn.size()));
    }
    ssl_.reset(SSL_new(context));
    CHECK(SSL_set_fd(ssl_.get(), socket) == 1);
    SSL_set_connect_state(ssl_.get());
  }

  SSL& ssl() { return *ssl_; }
  // These return what OpenSSL's functions of the name do, 1 for success.
  int connect() { return SSL_do_handshake(ssl_.get()); }
  int error(int outcome) const { return SSL_get_error(ssl_.get(), outcome); }
  // Appends what comes. Returns whether anything did.
  bool receive_into(std::string& received) {
    char buffer[16 * 1024];
    const int bytes = SSL_read(ssl_.get(), buffer, sizeof(buffer));
    last_ = bytes;
    if (bytes > 0) received.append(buffer, static_cast<std::size_t>(bytes));
    return bytes > 0;
  }
  bool send(std::string_view bytes) {
    return SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size())) ==
           static_cast<int>(bytes.size());
  }
  // Whether the last receive_into() found that the server has said its end.
  bool has_ended() const { return SSL_get_error(ssl_.get(), last_) == SSL_ERROR_ZERO_RETURN; }

 private:
  const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context_;
  std::unique_ptr<SSL, decltype(&SSL_free)> ssl_;
  int last_ = 1;
};

}  // namespace tests

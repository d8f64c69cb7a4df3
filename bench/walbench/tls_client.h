#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "runtime/result.h"

struct ssl_ctx_st;  // SSL_CTX of OpenSSL
struct ssl_st;      // SSL of OpenSSL

namespace bench::walbench {

// What the standbys of a run have in common for TLS, as libpq's parameters of the same names say.
//   Thread: any, once it is made.
class TlsClientContext {
 public:
  struct Options {
    std::string root_certificates;  // sslrootcert; empty: the server's certificate is not verified
    std::string host;               // whose name must stand in it
  };

  // kConnectFailed if the certificates cannot be read.
  static runtime::Result<std::shared_ptr<const TlsClientContext>> make(const Options& options);
  explicit TlsClientContext(ssl_ctx_st* context, std::string host);
  ~TlsClientContext();
  TlsClientContext(const TlsClientContext&) = delete;
  TlsClientContext& operator=(const TlsClientContext&) = delete;

  // A new connection, which is the caller's.
  ssl_st* new_connection() const;

 private:
  ssl_ctx_st* const context_;
  const std::string host_;  // empty: none is checked
};

// The client's end of one TLS connection. Does no I/O: what comes from the server is fed in, and
// what goes to it is taken out.
//   Owner: Channel.  Thread: the owner's.
class TlsClient {
 public:
  explicit TlsClient(const TlsClientContext& context) : ssl_(context.new_connection()) {}
  ~TlsClient();
  TlsClient(const TlsClient&) = delete;
  TlsClient& operator=(const TlsClient&) = delete;

  void feed(std::span<const std::byte> encrypted);
  // Whether the handshake is done; if not, it waits for what is fed next.
  runtime::Result<bool> shake_hands();
  // How much of what was fed is plain text in `buffer` now; 0: more must be fed.
  runtime::Result<std::size_t> read(std::span<std::byte> buffer);
  // Whether read() may find more without being fed.
  bool has_unread() const;
  runtime::Result<void> write(std::span<const std::byte> plain);
  // Adds what is to be sent to the server.
  void take_output(std::vector<std::byte>& to);

 private:
  ssl_st* const ssl_;
};

}  // namespace bench::walbench

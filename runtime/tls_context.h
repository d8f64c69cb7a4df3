#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "runtime/result.h"
#include "runtime/tls_private_key.h"

struct ssl_ctx_st;  // SSL_CTX of OpenSSL

namespace runtime {

enum class TlsVersion { kAny, kTls1, kTls11, kTls12, kTls13 };
// "TLSv1.2", and so on; kAny has no name.
std::string_view to_text(TlsVersion version);

// What a server's TLS is made of. An empty name stands for a file that there is not.
struct TlsOptions {
  std::string certificate_file = {};  // with the chain that leads to an authority
  std::string private_key_file = {};
  TlsPassphrase passphrase = {};
  std::string ca_file = {};  // the authorities that clients' certificates come from; none is asked
                             // for without it
  std::string crl_file = {};
  std::string crl_directory = {};  // with names that openssl's rehash has made
  TlsVersion version_min = TlsVersion::kTls12;
  TlsVersion version_max = TlsVersion::kAny;
  std::string ciphers = "HIGH:MEDIUM:+3DES:!aNULL";  // of TLS 1.2 and before
  std::string groups = "prime256v1";                 // with colons between them
  bool prefers_own_ciphers = true;
  std::string dh_parameters_file = {};
  // The protocol that clients may ask for by ALPN, and must if they begin with TLS at once; empty:
  // ALPN is not looked at.
  std::string alpn = {};
};

// A server's certificate, private key and rules for TLS, as connections that begin now take them.
// Sessions are not resumed, keys not renegotiated and nothing is compressed, as in PostgreSQL
// (be-secure-openssl.c, be_tls_init).
//   Owner: shared by all connections that were made with it; a reload makes a new one.
//   Thread: any, since it does not change.
class TlsContext {
 public:
  // Errors are PostgreSQL's. Blocks on files.
  static Result<std::shared_ptr<const TlsContext>> load(const TlsOptions& options);
  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

  const TlsOptions& options() const { return options_; }
  // What SCRAM may be bound to (tls_certificate.h, hash_end_point); empty if the certificate is
  // signed in a way that has no such hash.
  const std::string& end_point() const { return end_point_; }
  // For a channel. OpenSSL counts the references that it gives out itself.
  ssl_ctx_st& get() const { return *context_; }

 private:
  explicit TlsContext(TlsOptions options);
  Result<void> load_files();

  const TlsOptions options_;
  ssl_ctx_st* const context_;
  std::string end_point_;
};

// Whether the kernel can encrypt what is sent (CONFIG_TLS). A cipher that it does not know is
// encrypted by OpenSSL all the same.
bool has_kernel_tls();

}  // namespace runtime

#include "bench/walbench/tls_client.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include <utility>

#include "bench/walbench/failures.h"
#include "runtime/check.h"
#include "runtime/format.h"
#include "runtime/tls_error.h"

namespace bench::walbench {

using runtime::Result;

namespace {

runtime::Error tls_failure(const ssl_st* ssl) {
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  std::string what = runtime::format("SSL error: {}", runtime::tls_error_text(code));
  const long verified = ssl == nullptr ? X509_V_OK : SSL_get_verify_result(ssl);
  return {.kind = &kConnectFailed,
          .what = std::move(what),
          .detail = verified == X509_V_OK ? "" : X509_verify_cert_error_string(verified)};
}

}  // namespace

Result<std::shared_ptr<const TlsClientContext>> TlsClientContext::make(const Options& options) {
  ERR_clear_error();
  SSL_CTX* const context = SSL_CTX_new(TLS_client_method());
  CHECK(context != nullptr);
  const bool verifies = !options.root_certificates.empty();
  auto made = std::make_shared<const TlsClientContext>(context, verifies ? options.host : "");
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);  // libpq's default
  SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION);
  if (!verifies) return made;
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  if (SSL_CTX_load_verify_file(context, options.root_certificates.c_str()) == 1) return made;
  auto failure = tls_failure(nullptr);
  failure.what = runtime::format("could not read root certificate file \"{}\": {}",
                                 options.root_certificates, failure.what);
  return failure;
}

TlsClientContext::TlsClientContext(ssl_ctx_st* context, std::string host)
    : context_(context), host_(std::move(host)) {}

TlsClientContext::~TlsClientContext() { SSL_CTX_free(context_); }

ssl_st* TlsClientContext::new_connection() const {
  SSL* const ssl = SSL_new(context_);
  BIO* const input = BIO_new(BIO_s_mem());
  BIO* const output = BIO_new(BIO_s_mem());
  CHECK(ssl != nullptr && input != nullptr && output != nullptr);
  SSL_set0_rbio(ssl, input);
  SSL_set0_wbio(ssl, output);
  SSL_set_connect_state(ssl);
  if (!host_.empty()) CHECK(SSL_set1_host(ssl, host_.c_str()) == 1);
  return ssl;
}

TlsClient::~TlsClient() { SSL_free(ssl_); }

void TlsClient::feed(std::span<const std::byte> encrypted) {
  std::size_t taken = 0;
  CHECK(BIO_write_ex(SSL_get_rbio(ssl_), encrypted.data(), encrypted.size(), &taken) == 1);
  CHECK(taken == encrypted.size());
}

Result<bool> TlsClient::shake_hands() {
  ERR_clear_error();
  const int outcome = SSL_do_handshake(ssl_);
  if (outcome == 1) return true;
  if (SSL_get_error(ssl_, outcome) == SSL_ERROR_WANT_READ) return false;
  return tls_failure(ssl_);
}

Result<std::size_t> TlsClient::read(std::span<std::byte> buffer) {
  ERR_clear_error();
  std::size_t bytes = 0;
  const int outcome = SSL_read_ex(ssl_, buffer.data(), buffer.size(), &bytes);
  if (outcome == 1) return bytes;
  const int kind = SSL_get_error(ssl_, outcome);
  // Behind the server's last word there is nothing; that it closes the connection says the rest.
  if (kind == SSL_ERROR_WANT_READ || kind == SSL_ERROR_ZERO_RETURN) return std::size_t{0};
  auto failure = tls_failure(nullptr);
  failure.kind = &kConnectionLost;
  return failure;
}

bool TlsClient::has_unread() const {
  return SSL_pending(ssl_) > 0 || BIO_ctrl_pending(SSL_get_rbio(ssl_)) > 0;
}

Result<void> TlsClient::write(std::span<const std::byte> plain) {
  ERR_clear_error();
  std::size_t taken = 0;
  if (SSL_write_ex(ssl_, plain.data(), plain.size(), &taken) != 1) return tls_failure(nullptr);
  CHECK(taken == plain.size());  // a memory BIO takes all of it
  return {};
}

void TlsClient::take_output(std::vector<std::byte>& to) {
  BIO* const output = SSL_get_wbio(ssl_);
  const std::size_t waiting = BIO_ctrl_pending(output);
  if (waiting == 0) return;
  const std::size_t before = to.size();
  to.resize(before + waiting);
  std::size_t taken = 0;
  CHECK(BIO_read_ex(output, to.data() + before, waiting, &taken) == 1 && taken == waiting);
}

}  // namespace bench::walbench

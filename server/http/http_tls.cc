#include "server/http/http_tls.h"

#include <openssl/ssl.h>

#include <utility>

namespace server::http {

void HttpTls::set(std::shared_ptr<const runtime::TlsContext> context) {
  if (context == nullptr) return;
  const runtime::Lock lock(mutex_);
  context_ = std::move(context);
}

std::shared_ptr<const runtime::TlsContext> HttpTls::context() const {
  const runtime::Lock lock(mutex_);
  return context_;
}

bool HttpTls::set_up(ssl_ctx_st& context) {
  SSL_CTX_set_options(&context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_session_cache_mode(&context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_cert_cb(&context, &HttpTls::choose, this);
  return SSL_CTX_set_min_proto_version(&context, TLS1_2_VERSION) == 1;
}

// The certificate alone is taken over: what else the server's context says is for PostgreSQL's
// protocol, such as the name that ALPN has for it.
int HttpTls::choose(ssl_st* ssl, void* self) {
  const auto context = static_cast<HttpTls*>(self)->context();
  ssl_ctx_st& own = context->get();
  STACK_OF(X509)* chain = nullptr;
  SSL_CTX_get0_chain_certs(&own, &chain);
  return SSL_use_cert_and_key(ssl, SSL_CTX_get0_certificate(&own), SSL_CTX_get0_privatekey(&own),
                              chain, /*override=*/1);
}

}  // namespace server::http

#pragma once

#include <memory>
#include <utility>

#include "runtime/annotations.h"
#include "runtime/mutex.h"
#include "runtime/tls_context.h"

struct ssl_ctx_st;  // SSL_CTX of OpenSSL
struct ssl_st;

namespace server::http {

// The server's certificate for HTTP's TLS. What a reload replaces is shown by the handshakes that
// begin then.
//   Owner: HttpServer.  Thread: any.
class HttpTls {
 public:
  explicit HttpTls(std::shared_ptr<const runtime::TlsContext> context)
      : context_(std::move(context)) {}

  // Null, since ssl is off by now: the one that there was stays.
  void set(std::shared_ptr<const runtime::TlsContext> context) EXCLUDES(mutex_);
  // Makes a context of OpenSSL's one that asks this for its certificate. This outlives it.
  bool set_up(ssl_ctx_st& context);

 private:
  static int choose(ssl_st* ssl, void* self);
  std::shared_ptr<const runtime::TlsContext> context() const EXCLUDES(mutex_);

  mutable runtime::Mutex mutex_;
  std::shared_ptr<const runtime::TlsContext> context_ GUARDED_BY(mutex_);
};

}  // namespace server::http

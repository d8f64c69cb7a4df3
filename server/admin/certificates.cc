#include "server/admin/certificates.h"

#include <utility>

#include "runtime/log.h"

namespace server::admin {

runtime::Result<void> Certificates::load(const Options& options, std::optional<int> major_version) {
  if (major_version.value_or(0) >= 17) alpn_ = "postgresql";
  TRY(read(options));
  if (context_ == nullptr) return {};
  runtime::log::log("{}", runtime::has_kernel_tls()
                              ? "kernel TLS is available: where it knows the cipher, WAL is sent "
                                "without a copy"
                              : "kernel TLS is not available: WAL over TLS is encrypted in this "
                                "process");
  return {};
}

void Certificates::reload(const Options& options) {
  const auto done = read(options);
  if (done) return;
  runtime::log::report(runtime::log::Level::kError, done.error());
  runtime::log::error("SSL configuration was not reloaded");
}

runtime::Result<void> Certificates::read(const Options& options) {
  if (!options) {
    context_.reset();
    return {};
  }
  runtime::TlsOptions with_alpn = *options;
  with_alpn.alpn = alpn_;
  context_ = TRY(runtime::TlsContext::load(with_alpn));
  return {};
}

Findings look_at_certificates(const runtime::TlsOptions& options) {
  const auto context = runtime::TlsContext::load(options);
  if (context) return {};
  return {{.level = runtime::log::Level::kError, .error = context.error()}};
}

}  // namespace server::admin

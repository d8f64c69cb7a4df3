#pragma once

#include <memory>
#include <optional>
#include <string>

#include "runtime/result.h"
#include "runtime/tls_context.h"
#include "server/admin/preflight.h"

namespace server::admin {

// The TLS that a server has for its clients, read from its files.
//   Owner: Server.  Thread: main's; blocks on files, and on the command that has a passphrase.
class Certificates {
 public:
  using Options = std::optional<runtime::TlsOptions>;  // none: ssl is off

  // The error is of the file that is wrong (be-secure-openssl.c, be_tls_init). `major_version` is
  // the one that the server is like, if it is known: ALPN came with PostgreSQL 17.
  runtime::Result<void> load(const Options& options, std::optional<int> major_version);
  // Reads the files again; connections that there are do not notice. Where one is wrong, all stays
  // as it was, and the log says which (postmaster.c, process_pm_reload_request).
  void reload(const Options& options);
  // Null: ssl is off.
  const std::shared_ptr<const runtime::TlsContext>& context() const { return context_; }

 private:
  runtime::Result<void> read(const Options& options);

  std::string alpn_;
  std::shared_ptr<const runtime::TlsContext> context_;
};

// What is wrong with the files, for the operator who asks. Blocks.
Findings look_at_certificates(const runtime::TlsOptions& options);

}  // namespace server::admin

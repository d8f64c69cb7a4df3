#pragma once

#include <optional>
#include <string>

#include "runtime/tls_context.h"
#include "server/settings/options.h"

namespace server::config {

// The options of TLS for clients; a reload takes all of them anew, and reads their files again.
struct TlsConfig {
  bool on = false;  // ssl
  runtime::TlsOptions files;
  std::string ecdh_curve;  // what `groups` was called before version 18
  std::string groups;      // empty: ecdh_curve
  bool passphrase_command_supports_reload = false;

  // What a context is made of, at a start or at a reload; none: ssl is off.
  std::optional<runtime::TlsOptions> options(bool at_reload) const;
};

void add_tls_options(settings::Options& options, TlsConfig& config);

}  // namespace server::config

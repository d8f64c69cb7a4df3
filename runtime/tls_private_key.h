#pragma once

#include <string>

#include "runtime/result.h"

struct ssl_ctx_st;  // SSL_CTX of OpenSSL

namespace runtime {

// Where the passphrase of a private key comes from.
struct TlsPassphrase {
  std::string command;  // whose first line of output it is; empty: there is none
  // Whether the command may run now: at a reload only if it needs no operator
  // (ssl_passphrase_command_supports_reload).
  bool may_run = true;
};

// Loads a private key into a context that has its certificate. Only the owner may read its file,
// who is this process's user or root (be-secure-common.c, check_ssl_key_file_permissions). Blocks
// on the file and on the command.
Result<void> load_private_key(ssl_ctx_st& context, const std::string& path,
                              const TlsPassphrase& passphrase);

}  // namespace runtime

#include "runtime/tls_error.h"

#include <openssl/err.h>

#include <cstring>

#include "runtime/format.h"

namespace runtime {

std::string tls_error_text(unsigned long code) {
  if (code == 0) return "no SSL error reported";
  if (ERR_SYSTEM_ERROR(code)) return std::strerror(ERR_GET_REASON(code));
  const char* const reason = ERR_reason_error_string(code);
  return reason != nullptr ? reason : format("SSL error code {}", code);
}

std::string take_tls_error() {
  std::string text = tls_error_text(ERR_get_error());
  ERR_clear_error();
  return text;
}

}  // namespace runtime

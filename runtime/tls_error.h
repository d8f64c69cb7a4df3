#pragma once

#include <string>

namespace runtime {

// OpenSSL's words for one of its error codes, as PostgreSQL shows them (be-secure-openssl.c,
// SSLerrmessage): the reason alone, or strerror's words for an error of the system.
std::string tls_error_text(unsigned long code);

// The same for the first error in this thread's queue, which is emptied: what a later call fails
// for is told by its own error alone.
std::string take_tls_error();

}  // namespace runtime

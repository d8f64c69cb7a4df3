#pragma once

#include <optional>
#include <string>

#include "runtime/result.h"

struct x509_st;  // X509 of OpenSSL

namespace runtime {

// The names of a certificate's subject.
struct TlsSubject {
  std::optional<std::string> common_name;  // the first one; none: there is none
  std::string distinguished_name;          // as RFC 2253 writes it
};

// A name with a zero byte inside is an error: what compares names up to there would take it for
// another one (be-secure-openssl.c, be_tls_open_server; CVE-2009-4034).
Result<TlsSubject> read_subject(const x509_st& certificate);

// What binds an exchange to a channel whose server has shown this certificate (RFC 5929,
// tls-server-end-point): its hash by the function that it is signed with, and by SHA-256 where that
// is MD5 or SHA-1 (be_tls_get_certificate_hash). It is an error if the signature has no such
// function, as of Ed25519.
Result<std::string> hash_end_point(const x509_st& certificate);

}  // namespace runtime

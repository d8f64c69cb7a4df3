#include "runtime/tls_certificate.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/x509.h>

#include <array>
#include <memory>

#include "runtime/check.h"
#include "runtime/errors.h"
#include "runtime/format.h"
#include "runtime/tls_error.h"

namespace runtime {

namespace {

Result<std::string> without_zero(std::string name, const char* which) {
  if (name.find('\0') == std::string::npos) return name;
  return Error{.kind = &kConfigFileError,
               .what = format("SSL certificate's {} contains embedded null", which)};
}

Result<std::optional<std::string>> read_common_name(const X509_NAME& subject) {
  const int index = X509_NAME_get_index_by_NID(&subject, NID_commonName, -1);
  if (index < 0) return std::optional<std::string>();
  const ASN1_STRING* const text = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(&subject, index));
  std::string name(reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
                   static_cast<std::size_t>(ASN1_STRING_length(text)));
  return std::optional<std::string>(TRY(without_zero(std::move(name), "common name")));
}

Result<std::string> read_distinguished_name(const X509_NAME& subject) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> out(BIO_new(BIO_s_mem()), &BIO_free);
  CHECK(out != nullptr);
  X509_NAME_print_ex(out.get(), &subject, 0, XN_FLAG_RFC2253);
  char* text = nullptr;
  const long size = BIO_get_mem_data(out.get(), &text);
  return without_zero(std::string(text, static_cast<std::size_t>(size)), "distinguished name");
}

}  // namespace

Result<TlsSubject> read_subject(const x509_st& certificate) {
  const X509_NAME& subject = *X509_get_subject_name(&certificate);
  TlsSubject names;
  names.common_name = TRY(read_common_name(subject));
  names.distinguished_name = TRY(read_distinguished_name(subject));
  return names;
}

// The digest of an RSA-PSS signature stands in its parameters, and not in the algorithm's name.
Result<std::string> hash_end_point(const x509_st& certificate) {
  int digest_nid = NID_undef;
  auto* const asked = const_cast<x509_st*>(&certificate);  // OpenSSL notes in it what it has read
  if (X509_get_signature_info(asked, &digest_nid, nullptr, nullptr, nullptr) == 0) {
    return Error{.kind = &kInternal,
                 .what = "could not determine server certificate signature algorithm"};
  }
  if (digest_nid == NID_md5 || digest_nid == NID_sha1) digest_nid = NID_sha256;
  const EVP_MD* const digest = EVP_get_digestbynid(digest_nid);
  if (digest == nullptr) {
    return Error{.kind = &kInternal,
                 .what = format("could not find digest for NID {}", OBJ_nid2sn(digest_nid))};
  }
  std::array<unsigned char, EVP_MAX_MD_SIZE> hash;
  unsigned int size = 0;
  if (X509_digest(&certificate, digest, hash.data(), &size) != 1) {
    return Error{.kind = &kInternal, .what = "could not generate server certificate hash"};
  }
  return std::string(reinterpret_cast<const char*>(hash.data()), size);
}

}  // namespace runtime

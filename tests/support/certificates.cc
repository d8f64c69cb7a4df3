#include "tests/support/certificates.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include <cstdio>
#include <memory>

#include "runtime/check.h"

namespace tests {

namespace {

constexpr long kDay = 24 * 60 * 60;

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;

Key new_key() {
  Key key(EVP_EC_gen("P-256"), &EVP_PKEY_free);
  CHECK(key != nullptr);
  return key;
}

Key new_key(Authority::Signature signature) {
  if (signature == Authority::Signature::kEcdsa) return new_key();
  return Key(EVP_RSA_gen(2048), &EVP_PKEY_free);
}

void sign(X509& certificate, EVP_PKEY& key) {
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                        &EVP_MD_CTX_free);
  EVP_PKEY_CTX* options = nullptr;
  CHECK(EVP_DigestSignInit(context.get(), &options, EVP_sha256(), nullptr, &key) == 1);
  if (EVP_PKEY_is_a(&key, "RSA") == 1) {
    CHECK(EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING) == 1);
  }
  CHECK(X509_sign_ctx(&certificate, context.get()) > 0);
}

void set_name(X509_NAME& name, const std::string& common_name) {
  const auto* text = reinterpret_cast<const unsigned char*>(common_name.data());
  const int size = static_cast<int>(common_name.size());
  CHECK(X509_NAME_add_entry_by_txt(&name, "O", MBSTRING_UTF8,
                                   reinterpret_cast<const unsigned char*>("walcast"), -1, -1,
                                   0) == 1);
  if (size > 0)
    CHECK(X509_NAME_add_entry_by_txt(&name, "CN", MBSTRING_UTF8, text, size, -1, 0) == 1);
}

void add_extension(X509& certificate, int nid, const char* value) {
  X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, nullptr, nid, value);
  CHECK(extension != nullptr && X509_add_ext(&certificate, extension, -1) == 1);
  X509_EXTENSION_free(extension);
}

Certificate new_certificate(const Authority::Subject& subject, EVP_PKEY& key) {
  Certificate made(X509_new(), &X509_free);
  CHECK(made != nullptr && X509_set_version(made.get(), X509_VERSION_3) == 1);
  ASN1_INTEGER_set(X509_get_serialNumber(made.get()), subject.serial);
  const long end = subject.days_valid * kDay;
  X509_gmtime_adj(X509_getm_notBefore(made.get()), (end < 0 ? end : 0) - kDay);
  X509_gmtime_adj(X509_getm_notAfter(made.get()), end);
  set_name(*X509_get_subject_name(made.get()), subject.common_name);
  X509_set_pubkey(made.get(), &key);
  return made;
}

template <typename Write>
std::string write_file(const std::string& path, Write write) {
  std::FILE* const file = std::fopen(path.c_str(), "w");
  CHECK(file != nullptr && write(file) == 1 && std::fclose(file) == 0);
  return path;
}

std::string write_certificate(const std::string& path, const X509& certificate) {
  return write_file(path, [&](std::FILE* file) { return PEM_write_X509(file, &certificate); });
}

}  // namespace

Authority::Authority(std::string_view name, Signature signature)
    : name_(name),
      key_(new_key(signature).release()),
      certificate_(new_certificate({.common_name = name_}, *key_).release()) {
  X509_set_issuer_name(certificate_, X509_get_subject_name(certificate_));
  add_extension(*certificate_, NID_basic_constraints, "critical,CA:TRUE");
  sign(*certificate_, *key_);
}

Authority::~Authority() {
  X509_free(certificate_);
  EVP_PKEY_free(key_);
}

std::string Authority::certificate(const TempDir& directory) const {
  return write_certificate(directory.path() + "/" + name_ + ".crt", *certificate_);
}

std::string Authority::revocations(const TempDir& directory,
                                   const std::vector<long>& serials) const {
  const std::unique_ptr<X509_CRL, decltype(&X509_CRL_free)> list(X509_CRL_new(), &X509_CRL_free);
  const std::unique_ptr<ASN1_TIME, decltype(&ASN1_TIME_free)> now(X509_gmtime_adj(nullptr, -60),
                                                                  &ASN1_TIME_free);
  const std::unique_ptr<ASN1_TIME, decltype(&ASN1_TIME_free)> next(X509_gmtime_adj(nullptr, kDay),
                                                                   &ASN1_TIME_free);
  CHECK(X509_CRL_set_version(list.get(), X509_CRL_VERSION_2) == 1);
  X509_CRL_set_issuer_name(list.get(), X509_get_subject_name(certificate_));
  X509_CRL_set1_lastUpdate(list.get(), now.get());
  X509_CRL_set1_nextUpdate(list.get(), next.get());
  for (const long serial : serials) {
    X509_REVOKED* const revoked = X509_REVOKED_new();
    ASN1_INTEGER* const number = ASN1_INTEGER_new();
    ASN1_INTEGER_set(number, serial);
    X509_REVOKED_set_serialNumber(revoked, number);
    X509_REVOKED_set_revocationDate(revoked, now.get());
    ASN1_INTEGER_free(number);
    CHECK(X509_CRL_add0_revoked(list.get(), revoked) == 1);
  }
  X509_CRL_sort(list.get());
  CHECK(X509_CRL_sign(list.get(), key_, EVP_sha256()) > 0);
  return write_file(directory.path() + "/" + name_ + ".crl",
                    [&](std::FILE* file) { return PEM_write_X509_CRL(file, list.get()); });
}

Authority::Files Authority::issue(const TempDir& directory, const Subject& subject) const {
  const Key key = new_key();
  const Certificate made = new_certificate(subject, *key);
  X509_set_issuer_name(made.get(), X509_get_subject_name(certificate_));
  sign(*made, *key_);
  const std::string base = directory.path() + "/" + name_ + "-" + subject.common_name.c_str() +
                           std::to_string(subject.serial);
  Files files{.certificate = write_certificate(base + ".crt", *made), .key = base + ".key"};
  write_file(files.key, [&](std::FILE* file) {
    ::chmod(files.key.c_str(), 0600);
    return PEM_write_PKCS8PrivateKey(file, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  });
  return files;
}

}  // namespace tests

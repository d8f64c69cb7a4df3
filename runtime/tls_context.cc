#include "runtime/tls_context.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <cerrno>
#include <utility>

#include "runtime/check.h"
#include "runtime/errors.h"
#include "runtime/fd.h"
#include "runtime/format.h"
#include "runtime/system_call.h"
#include "runtime/tls_certificate.h"
#include "runtime/tls_error.h"

namespace runtime {

namespace {

Error config_error(std::string what, std::string detail = {}) {
  return {.kind = &kConfigFileError, .what = std::move(what), .detail = std::move(detail)};
}

const char* or_null(const std::string& name) { return name.empty() ? nullptr : name.c_str(); }

int number_of(TlsVersion version) {
  switch (version) {
    case TlsVersion::kAny:
      return 0;
    case TlsVersion::kTls1:
      return TLS1_VERSION;
    case TlsVersion::kTls11:
      return TLS1_1_VERSION;
    case TlsVersion::kTls12:
      return TLS1_2_VERSION;
    case TlsVersion::kTls13:
      return TLS1_3_VERSION;
  }
  UNREACHABLE();
}

// Bytes that the socket does not take are sent on from elsewhere (TlsChannel), however many records
// a client wants them cut into (RFC 6066, 4), and buffers of records are kept only while there is
// something in them. One call reads one record, and none ahead: a client's messages of TLS alone,
// without end, do not keep a call from returning.
void set_rules(SSL_CTX& context) {
  SSL_CTX_set_mode(&context, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_clear_mode(&context, SSL_MODE_AUTO_RETRY | SSL_MODE_ENABLE_PARTIAL_WRITE);
  SSL_CTX_set_read_ahead(&context, 0);
  SSL_CTX_set_options(&context, SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
                                    SSL_OP_ENABLE_KTLS | SSL_OP_CLEANSE_PLAINTEXT);
  SSL_CTX_set_num_tickets(&context, 0);
  SSL_CTX_set_session_cache_mode(&context, SSL_SESS_CACHE_OFF);
}

Result<void> load_certificate(SSL_CTX& context, const TlsOptions& options) {
  if (SSL_CTX_use_certificate_chain_file(&context, options.certificate_file.c_str()) == 1) {
    return load_private_key(context, options.private_key_file, options.passphrase);
  }
  return config_error(format("could not load server certificate file \"{}\": {}",
                             options.certificate_file, take_tls_error()));
}

Result<void> set_versions(SSL_CTX& context, const TlsOptions& options) {
  if (SSL_CTX_set_min_proto_version(&context, number_of(options.version_min)) != 1) {
    return config_error("could not set minimum SSL protocol version");
  }
  if (SSL_CTX_set_max_proto_version(&context, number_of(options.version_max)) != 1) {
    return config_error("could not set maximum SSL protocol version");
  }
  const bool is_open = options.version_max == TlsVersion::kAny;
  if (is_open || options.version_min <= options.version_max) return {};
  return config_error(
      "could not set SSL protocol version range",
      "\"ssl_min_protocol_version\" cannot be higher than \"ssl_max_protocol_version\"");
}

// initialize_dh and load_dh_file; without a file OpenSSL has parameters of its own.
Result<void> set_dh_parameters(SSL_CTX& context, const std::string& path) {
  if (path.empty()) {
    SSL_CTX_set_dh_auto(&context, 1);
    return {};
  }
  const std::unique_ptr<BIO, decltype(&BIO_free)> file(BIO_new_file(path.c_str(), "r"), &BIO_free);
  if (file == nullptr) {
    return config_error(
        format("could not open DH parameters file \"{}\": {}", path, take_tls_error()));
  }
  std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> parameters(
      PEM_read_bio_Parameters(file.get(), nullptr), &EVP_PKEY_free);
  if (parameters == nullptr) {
    return config_error(format("could not load DH parameters file: {}", take_tls_error()));
  }
  const std::unique_ptr<EVP_PKEY_CTX, decltype(&EVP_PKEY_CTX_free)> checker(
      EVP_PKEY_CTX_new(parameters.get(), nullptr), &EVP_PKEY_CTX_free);
  if (EVP_PKEY_is_a(parameters.get(), "DH") != 1 || EVP_PKEY_param_check(checker.get()) != 1) {
    return config_error(format("invalid DH parameters: {}", take_tls_error()));
  }
  if (SSL_CTX_set0_tmp_dh_pkey(&context, parameters.get()) != 1) {
    return config_error(format("DH: could not set DH parameters: {}", take_tls_error()));
  }
  static_cast<void>(parameters.release());
  return {};
}

Result<void> set_ciphers(SSL_CTX& context, const TlsOptions& options) {
  if (SSL_CTX_set1_groups_list(&context, options.groups.c_str()) != 1) {
    ERR_clear_error();
    return config_error(format("ECDH: unrecognized curve name: {}", options.groups));
  }
  if (SSL_CTX_set_cipher_list(&context, options.ciphers.c_str()) != 1) {
    ERR_clear_error();
    return config_error("could not set the cipher list (no valid ciphers available)");
  }
  if (options.prefers_own_ciphers) SSL_CTX_set_options(&context, SSL_OP_CIPHER_SERVER_PREFERENCE);
  return {};
}

// A client is asked for its certificate, and may have none: it is for the rules to judge that.
Result<void> load_authorities(SSL_CTX& context, const std::string& path) {
  if (path.empty()) return {};
  STACK_OF(X509_NAME)* names = nullptr;
  if (SSL_CTX_load_verify_locations(&context, path.c_str(), nullptr) != 1 ||
      (names = SSL_load_client_CA_file(path.c_str())) == nullptr) {
    return config_error(
        format("could not load root certificate file \"{}\": {}", path, take_tls_error()));
  }
  SSL_CTX_set_client_CA_list(&context, names);
  SSL_CTX_set_verify(&context, SSL_VERIFY_PEER | SSL_VERIFY_CLIENT_ONCE, nullptr);
  return {};
}

Result<void> load_revocations(SSL_CTX& context, const std::string& file,
                              const std::string& directory) {
  if (file.empty() && directory.empty()) return {};
  X509_STORE* const store = SSL_CTX_get_cert_store(&context);
  if (X509_STORE_load_locations(store, or_null(file), or_null(directory)) == 1) {
    X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
    return {};
  }
  std::string which;
  if (!file.empty()) which = format(" file \"{}\"", file);
  if (!directory.empty()) {
    which += format("{} directory \"{}\"", file.empty() ? "" : " or", directory);
  }
  return config_error(
      format("could not load SSL certificate revocation list{}: {}", which, take_tls_error()));
}

// A client that offers protocols and not ours is sent away (alpn_cb of be-secure-openssl.c).
int select_protocol(SSL* /*connection*/, const unsigned char** chosen, unsigned char* chosen_size,
                    const unsigned char* offered, unsigned int offered_size, void* userdata) {
  const auto& own = *static_cast<const std::string*>(userdata);
  for (unsigned int at = 0; at < offered_size; at += 1u + offered[at]) {
    const unsigned int size = offered[at];
    const auto* const name = offered + at + 1;
    if (std::string_view(reinterpret_cast<const char*>(name), size) != own) continue;
    *chosen = name;
    *chosen_size = offered[at];
    return SSL_TLSEXT_ERR_OK;
  }
  return SSL_TLSEXT_ERR_ALERT_FATAL;
}

}  // namespace

std::string_view to_text(TlsVersion version) {
  switch (version) {
    case TlsVersion::kAny:
      return "";
    case TlsVersion::kTls1:
      return "TLSv1";
    case TlsVersion::kTls11:
      return "TLSv1.1";
    case TlsVersion::kTls12:
      return "TLSv1.2";
    case TlsVersion::kTls13:
      return "TLSv1.3";
  }
  UNREACHABLE();
}

TlsContext::TlsContext(TlsOptions options)
    : options_(std::move(options)), context_(SSL_CTX_new(TLS_server_method())) {
  CHECK(context_ != nullptr);
  set_rules(*context_);
}

TlsContext::~TlsContext() { SSL_CTX_free(context_); }

Result<std::shared_ptr<const TlsContext>> TlsContext::load(const TlsOptions& options) {
  ERR_clear_error();
  const std::shared_ptr<TlsContext> fresh(new TlsContext(options));
  TRY(fresh->load_files());
  return std::shared_ptr<const TlsContext>(fresh);
}

Result<void> TlsContext::load_files() {
  TRY(load_certificate(*context_, options_));
  TRY(set_versions(*context_, options_));
  TRY(set_dh_parameters(*context_, options_.dh_parameters_file));
  TRY(set_ciphers(*context_, options_));
  TRY(load_authorities(*context_, options_.ca_file));
  TRY(load_revocations(*context_, options_.crl_file, options_.crl_directory));
  if (!options_.alpn.empty()) {
    SSL_CTX_set_alpn_select_cb(context_, &select_protocol,
                               const_cast<std::string*>(&options_.alpn));
  }
  const auto hash = hash_end_point(*SSL_CTX_get0_certificate(context_));
  if (hash) end_point_ = *hash;
  return {};
}

// A socket without a peer refuses any upper protocol, but only one that it knows for that reason.
bool has_kernel_tls() {
  const UniqueFd probe(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!probe) return false;
  constexpr char kName[] = "tls";
  return ::setsockopt(probe.get(), IPPROTO_TCP, TCP_ULP, kName, sizeof(kName)) == 0 ||
         errno == ENOTCONN;
}

}  // namespace runtime

#include "runtime/tls_context.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <sys/stat.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "tests/support/certificates.h"

namespace runtime {
namespace {

struct TlsContextTest : ::testing::Test {
  TlsContextTest() {
    const auto own = authority.issue(directory, {.common_name = "server"});
    options.certificate_file = own.certificate;
    options.private_key_file = own.key;
  }

  std::string write(const std::string& name, const std::string& text) const {
    std::ofstream(directory.file(name)) << text;
    return directory.file(name);
  }
  // SHA-256 of a certificate in PEM.
  static std::string hash_of(const std::string& path) {
    std::FILE* const file = std::fopen(path.c_str(), "r");
    X509* const certificate = PEM_read_X509(file, nullptr, nullptr, nullptr);
    std::fclose(file);
    unsigned char hash[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    X509_digest(certificate, EVP_sha256(), hash, &size);
    X509_free(certificate);
    return std::string(reinterpret_cast<char*>(hash), size);
  }
  // What is wrong with the options; empty: nothing.
  std::string fault() const {
    const auto context = TlsContext::load(options);
    return context ? std::string() : context.error().what;
  }
  // The key again, under a passphrase.
  std::string encrypt_key(const std::string& passphrase) const {
    std::FILE* const in = std::fopen(options.private_key_file.c_str(), "r");
    EVP_PKEY* const key = PEM_read_PrivateKey(in, nullptr, nullptr, nullptr);
    std::fclose(in);
    const std::string path = directory.file("encrypted.key");
    std::FILE* const out = std::fopen(path.c_str(), "w");
    EXPECT_EQ(1, PEM_write_PKCS8PrivateKey(out, key, EVP_aes_256_cbc(), passphrase.c_str(),
                                           static_cast<int>(passphrase.size()), nullptr, nullptr));
    std::fclose(out);
    EVP_PKEY_free(key);
    ::chmod(path.c_str(), 0600);
    return path;
  }

  tests::TempDir directory;
  const tests::Authority authority{"authority"};
  TlsOptions options;
};

TEST_F(TlsContextTest, LoadsACertificateAndItsKey) {
  const auto context = TlsContext::load(options);
  ASSERT_TRUE(context.has_value());
  EXPECT_EQ((*context)->end_point(), hash_of(options.certificate_file));
}

// Of such a certificate the algorithm's name does not tell the digest.
TEST_F(TlsContextTest, TheHashOfAnRsaPssCertificateIsOfItsDigest) {
  const tests::Authority pss("pss", tests::Authority::Signature::kRsaPss);
  const auto own = pss.issue(directory, {.common_name = "server"});
  options.certificate_file = own.certificate;
  options.private_key_file = own.key;
  const auto context = TlsContext::load(options);
  ASSERT_TRUE(context.has_value());
  EXPECT_EQ((*context)->end_point(), hash_of(options.certificate_file));
}

TEST_F(TlsContextTest, SaysWhichCertificateFileIsWrong) {
  const std::string missing = directory.file("missing.crt");
  options.certificate_file = missing;
  EXPECT_EQ(fault(), "could not load server certificate file \"" + missing +
                         "\": No such file or directory");
  options.certificate_file = write("empty.crt", "");
  EXPECT_EQ(fault(), "could not load server certificate file \"" + options.certificate_file +
                         "\": no start line");
}

TEST_F(TlsContextTest, SaysWhichPrivateKeyIsWrong) {
  const std::string right = options.private_key_file;
  options.private_key_file = directory.file("missing.key");
  EXPECT_EQ(fault(), "could not access private key file \"" + options.private_key_file +
                         "\": No such file or directory");
  options.private_key_file = directory.path();
  EXPECT_EQ(fault(), "private key file \"" + options.private_key_file + "\" is not a regular file");
  options.private_key_file = authority.issue(directory, {.common_name = "other"}).key;
  EXPECT_EQ(fault(), "could not load private key file \"" + options.private_key_file +
                         "\": key values mismatch");
  options.private_key_file = right;
  EXPECT_EQ(fault(), "");
}

// Root's own file may be read by its group; this process's own, by no other user.
TEST_F(TlsContextTest, RefusesAKeyThatOthersMayRead) {
  ASSERT_EQ(::chmod(options.private_key_file.c_str(), 0640), 0);
  const auto context = TlsContext::load(options);
  ASSERT_FALSE(context.has_value());
  EXPECT_EQ(context.error().what,
            "private key file \"" + options.private_key_file + "\" has group or world access");
  EXPECT_EQ(context.error().detail,
            "File must have permissions u=rw (0600) or less if owned by the database user, or "
            "permissions u=rw,g=r (0640) or less if owned by root.");
}

TEST_F(TlsContextTest, AsksACommandForThePassphrase) {
  options.private_key_file = encrypt_key("50% of it");
  EXPECT_NE(fault(), "");
  options.passphrase.command = "echo '50%% of it'; echo no more";
  EXPECT_EQ(fault(), "");
  options.passphrase.command = "test '%p' = 'Enter PEM pass phrase:' && echo '50%% of it'";
  EXPECT_EQ(fault(), "");
  options.passphrase.command = "exit 3";
  const auto failed = TlsContext::load(options);
  ASSERT_FALSE(failed.has_value());
  EXPECT_EQ(failed.error().what, "command \"exit 3\" failed");
  EXPECT_EQ(failed.error().detail, "child process exited with exit code 3");
  options.passphrase = {.command = "echo '50%% of it'", .may_run = false};
  EXPECT_EQ(fault(), "private key file \"" + options.private_key_file +
                         "\" cannot be reloaded because it requires a passphrase");
}

TEST_F(TlsContextTest, VersionsMustHaveAnOrder) {
  options.version_min = TlsVersion::kTls13;
  options.version_max = TlsVersion::kTls12;
  const auto context = TlsContext::load(options);
  ASSERT_FALSE(context.has_value());
  EXPECT_EQ(context.error().what, "could not set SSL protocol version range");
  EXPECT_EQ(context.error().detail,
            "\"ssl_min_protocol_version\" cannot be higher than \"ssl_max_protocol_version\"");
}

TEST_F(TlsContextTest, CiphersAndCurvesMustExist) {
  options.ciphers = "NONE_OF_THEM";
  EXPECT_EQ(fault(), "could not set the cipher list (no valid ciphers available)");
  options.ciphers = TlsOptions().ciphers;
  options.groups = "prime257v1";
  EXPECT_EQ(fault(), "ECDH: unrecognized curve name: prime257v1");
  options.groups = "X25519:prime256v1";
  EXPECT_EQ(fault(), "");
}

TEST_F(TlsContextTest, SaysWhichAuthorityOrListIsWrong) {
  options.ca_file = write("empty", "");
  EXPECT_EQ(fault().find("could not load root certificate file \"" + options.ca_file + "\": "), 0u)
      << fault();
  options.ca_file = authority.certificate(directory);
  options.crl_file = directory.file("empty");
  EXPECT_EQ(fault().find("could not load SSL certificate revocation list file \"" +
                         options.crl_file + "\": "),
            0u)
      << fault();
  options.crl_file = authority.revocations(directory, {4});
  options.crl_directory = directory.path();
  EXPECT_EQ(fault(), "");
}

TEST_F(TlsContextTest, SaysWhatIsWrongWithParameters) {
  options.dh_parameters_file = directory.file("missing.dh");
  EXPECT_EQ(fault(), "could not open DH parameters file \"" + options.dh_parameters_file +
                         "\": No such file or directory");
  options.dh_parameters_file = write("wrong.dh", "no parameters");
  EXPECT_EQ(fault().find("could not load DH parameters file: "), 0u) << fault();
}

}  // namespace
}  // namespace runtime

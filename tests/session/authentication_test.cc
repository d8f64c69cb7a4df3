#include "server/session/authentication.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <memory>
#include <memory_resource>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/format.h"
#include "server/auth/base64.h"
#include "tests/auth/scram_client.h"
#include "tests/support/backend_messages.h"
#include "tests/support/replication_messages.h"
#include "tests/support/temp_dir.h"

// What rules ask of the TLS of a connection. tests/e2e/test_tls_doors.py plays the same at
// PostgreSQL.

namespace server::session {
namespace {

using auth::AccessPolicy;
using auth::ServerSsl;
using Next = Authentication::Next;
using testing::StartsWith;

constexpr ServerSsl kWithAuthorities{.is_on = true, .has_authorities = true};

struct AuthenticationTest : testing::Test {
  std::string write(const std::string& name, std::string_view text) const {
    const std::string path = dir.file(name);
    std::ofstream(path) << text;
    return path;
  }
  // Rules behind the words "replication all all", of which the first names the type.
  void read(std::string_view hba, const ServerSsl& ssl = kWithAuthorities) {
    const auto reading = AccessPolicy::read(
        {.hba = write("hba", hba),
         .ident = write("ident", "m  \"Ann of Sales\"  ann\nm  \"CN=ann,O=Sales\"  ann\n"),
         .users = write("users", "\"ann\" \"" + std::string(verifier) + "\" replication\n"),
         .ssl = ssl},
        auth::Key());
    ASSERT_NE(reading.policy, nullptr);
    policy = reading.policy;
  }
  void come_by_tls(std::optional<auth::ClientCertificate> certificate = {}) {
    tls = std::make_shared<const auth::TlsState>(
        auth::TlsState{.client = std::move(certificate), .end_point = "hash"});
  }
  // The login of "ann", up to where it asks for something.
  std::string begin() {
    authentication.emplace(policy,
                           Authentication::Claim{.user = "ann",
                                                 .database = "ann",
                                                 .is_physical_replication = true,
                                                 .peer = runtime::resolve("127.0.0.1", 1)->front(),
                                                 .tls = tls},
                           0);
    wire::MessageWriter out(std::pmr::get_default_resource());
    return outcome(authentication->begin(out), out);
  }
  std::string send(std::string_view body) {
    const std::string bytes = tests::client_message('p', body);
    wire::MessageWriter out(std::pmr::get_default_resource());
    const Next next =
        authentication->take(authentication->cut(std::as_bytes(std::span(bytes))), out);
    return outcome(next, out);
  }
  // What was written, and "in", or the error with what the log is told behind "//".
  std::string outcome(Next next, const wire::MessageWriter& out) {
    std::string said;
    for (const std::string& line : tests::describe(out.bytes())) said += line + " ";
    if (next == Next::kIn) said += "in";
    if (next == Next::kRefused) {
      const auth::Refusal refusal = authentication->take_refusal();
      said += runtime::format("{} {}", refusal.error.kind->code, refusal.error.what);
      log = refusal.log_detail;
    }
    return said;
  }
  // A SCRAM exchange with this header; the hash is what the client takes for the server's.
  std::string prove(std::string_view mechanism, const std::string& header, std::string_view hash) {
    auth::ScramClient client("secret");
    const std::string first = client.first(header);
    std::string initial = std::string(mechanism) + '\0';
    for (int shift = 24; shift >= 0; shift -= 8)
      initial += static_cast<char>(first.size() >> shift);
    const std::string answer = send(initial + first);
    constexpr std::string_view kContinue = "R 11 ";
    if (!answer.starts_with(kContinue)) return answer;
    const std::string input = header + std::string(hash);
    const std::string challenge =
        answer.substr(kContinue.size(), answer.size() - kContinue.size() - 1);
    return send(client.final(challenge, auth::encode_base64(std::as_bytes(std::span(input)))));
  }

  static constexpr std::string_view kDenied =
      "28000 no pg_hba.conf entry for replication connection "
      "from host \"127.0.0.1\", user \"ann\", ";
  const tests::TempDir dir;
  const std::string verifier{
      auth::text_of(auth::make_scram_verifier("secret", std::as_bytes(std::span("salt")), 16))
          .reveal()};
  std::shared_ptr<const AccessPolicy> policy;
  std::shared_ptr<const auth::TlsState> tls;
  std::optional<Authentication> authentication;
  std::string log;
};

TEST_F(AuthenticationTest, RulesOfTlsAreForConnectionsOfTls) {
  read("hostssl replication all 127.0.0.1/32 trust\n");
  EXPECT_EQ(begin(), std::string(kDenied) + "no encryption");
  come_by_tls();
  EXPECT_EQ(begin(), "in");
  read("hostnossl replication all 127.0.0.1/32 trust\n");
  EXPECT_EQ(begin(), std::string(kDenied) + "SSL encryption");
  tls.reset();
  EXPECT_EQ(begin(), "in");
  read("host replication all 127.0.0.1/32 reject\n");
  come_by_tls();
  EXPECT_EQ(begin(),
            "28000 pg_hba.conf rejects replication connection for host \"127.0.0.1\", user "
            "\"ann\", SSL encryption");
}

TEST_F(AuthenticationTest, ARuleMayWantACertificateBesides) {
  for (const std::string level : {"verify-ca", "verify-full"}) {
    read("hostssl replication all all trust clientcert=" + level + "\n");
    come_by_tls();
    EXPECT_EQ(begin(), "28000 connection requires a valid client certificate");
    EXPECT_THAT(log, StartsWith("Connection matched file "));
    come_by_tls(auth::ClientCertificate{.common_name = "ann", .distinguished_name = "CN=ann"});
    EXPECT_EQ(begin(), "in");
    read("hostssl replication all all trust clientcert=" + level + "\n", {.is_on = true});
    EXPECT_EQ(begin(),
              "F0000 client certificates can only be checked if a root certificate store "
              "is available");
  }
}

TEST_F(AuthenticationTest, AnothersCertificateIsEnoughForVerifyCaAlone) {
  come_by_tls(auth::ClientCertificate{.common_name = "bob", .distinguished_name = "CN=bob"});
  read("hostssl replication all all trust clientcert=verify-ca\n");
  EXPECT_EQ(begin(), "in");
  read("hostssl replication all all trust clientcert=verify-full\n");
  EXPECT_EQ(begin(), "28000 \"trust\" authentication failed for user \"ann\"");
  EXPECT_THAT(log, StartsWith("provided user name (ann) and authenticated user name (bob) do not "
                              "match: certificate validation (clientcert=verify-full) failed for "
                              "user \"ann\": CN mismatch Connection matched file"));
  read("hostssl replication all all cert\n");
  EXPECT_EQ(begin(), "28000 certificate authentication failed for user \"ann\"");
  EXPECT_THAT(log, StartsWith("provided user name (ann) and authenticated user name (bob) do not "
                              "match Connection matched file"));
}

// A role with a right password and another's certificate has seen the server's own proof by then.
TEST_F(AuthenticationTest, APasswordIsProvenBeforeTheNameInTheCertificate) {
  come_by_tls(auth::ClientCertificate{.common_name = "bob", .distinguished_name = "CN=bob"});
  read("hostssl replication all all scram-sha-256 clientcert=verify-full clientname=DN\n");
  EXPECT_EQ(begin(), "R 10 SCRAM-SHA-256-PLUS SCRAM-SHA-256 ");
  const std::string last = prove("SCRAM-SHA-256", "n,,", "");
  EXPECT_THAT(last, StartsWith("R 12 v="));
  EXPECT_THAT(last, testing::EndsWith(" 28P01 password authentication failed for user \"ann\""));
  EXPECT_THAT(log, testing::HasSubstr("DN mismatch"));
}

TEST_F(AuthenticationTest, AMapSaysWhoACertificateIsFor) {
  const auth::ClientCertificate sales{.common_name = "Ann of Sales",
                                      .distinguished_name = "CN=ann,O=Sales"};
  come_by_tls(sales);
  read("hostssl replication all all cert map=m\n");
  EXPECT_EQ(begin(), "in");
  read("hostssl replication all all cert map=m clientname=DN\n");
  EXPECT_EQ(begin(), "in");
  read("hostssl replication all all cert map=n\n");
  EXPECT_EQ(begin(), "28000 certificate authentication failed for user \"ann\"");
  EXPECT_THAT(log,
              StartsWith("no match in usermap \"n\" for user \"ann\" authenticated as \"Ann of "
                         "Sales\" Connection matched file"));
}

TEST_F(AuthenticationTest, ACertificateOfNobody) {
  for (const auto& none : {std::optional<std::string>(), std::optional<std::string>("")}) {
    come_by_tls(auth::ClientCertificate{.common_name = none, .distinguished_name = "O=Sales"});
    read("hostssl replication all all cert\n");
    EXPECT_EQ(begin(), "28000 certificate authentication failed for user \"ann\"");
    EXPECT_THAT(log, StartsWith("certificate authentication failed for user \"ann\": client "
                                "certificate contains no user name Connection matched file"));
  }
}

TEST_F(AuthenticationTest, AnExchangeIsBoundToTheChannel) {
  read("host replication all all scram-sha-256\n");
  const std::string bound = "p=tls-server-end-point,,";
  EXPECT_EQ(begin(), "R 10 SCRAM-SHA-256 ");
  come_by_tls();
  EXPECT_EQ(begin(), "R 10 SCRAM-SHA-256-PLUS SCRAM-SHA-256 ");
  EXPECT_THAT(prove("SCRAM-SHA-256-PLUS", bound, "hash"), testing::EndsWith(" in"));
  begin();
  EXPECT_EQ(prove("SCRAM-SHA-256-PLUS", bound, "a relay's"),
            "28000 SCRAM channel binding check failed");
  begin();
  EXPECT_THAT(prove("SCRAM-SHA-256", "n,,", ""), testing::EndsWith(" in"));
  begin();
  EXPECT_EQ(prove("SCRAM-SHA-256", "y,,", ""), "28000 SCRAM channel binding negotiation error");
}

TEST_F(AuthenticationTest, WithoutAHashOfTheCertificateNothingIsBound) {
  read("host replication all all scram-sha-256\n");
  tls = std::make_shared<const auth::TlsState>();
  EXPECT_EQ(begin(), "R 10 SCRAM-SHA-256 ");
  EXPECT_THAT(prove("SCRAM-SHA-256", "y,,", ""), testing::EndsWith(" in"));
}

TEST_F(AuthenticationTest, GrantsNameTheRule) {
  read("# first\nhost replication all all trust\n");
  EXPECT_EQ(begin(), "in");
  const auth::Grants grants = authentication->grants("bob");
  EXPECT_TRUE(grants.has_proven);
  EXPECT_FALSE(grants.is_admin);
  EXPECT_FALSE(grants.bears_name);
  EXPECT_TRUE(authentication->grants("ann").bears_name);
  EXPECT_EQ(grants.rule, "Connection matched file \"" + dir.file("hba") + "\" line 2");
  policy = AccessPolicy::open();
  EXPECT_EQ(begin(), "in");
  EXPECT_FALSE(authentication->grants("bob").has_proven);
  EXPECT_TRUE(authentication->grants("bob").bears_name);
}

}  // namespace
}  // namespace server::session

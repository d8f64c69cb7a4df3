#include "server/auth/hba_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/auth/memory_files.h"

namespace server::auth {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const std::string kPath = "/d/hba";

HbaFile read_text(const std::string& text, SslState ssl = SslState::kOn) {
  const tests::MemoryFiles files = tests::MemoryFiles().write(kPath, text);
  return read_hba_file(kPath, ssl, files.source());
}

std::vector<std::string> texts(const std::vector<FileError>& errors) {
  std::vector<std::string> all;
  for (const FileError& error : errors) {
    all.push_back(std::to_string(error.line) + ": " + error.error.what);
  }
  return all;
}

TEST(HbaFileTest, HasItsRulesInOrderWithTheirPlaces) {
  tests::MemoryFiles files;
  files.write(kPath, "# rules\nlocal all all peer\ninclude more\nhost all all ::/0 md5\n")
      .write("/d/more", "\nhost replication \\\n  standby samenet scram-sha-256\n");
  const HbaFile file = read_hba_file(kPath, SslState::kOn, files.source());
  ASSERT_TRUE(file.rules.has_value());
  const auto rules = file.rules->all();
  ASSERT_EQ(rules.size(), 3u);
  EXPECT_EQ(rules[0].line, 2u);
  EXPECT_EQ(rules[1].file, "/d/more");
  EXPECT_EQ(rules[1].line, 2u);
  EXPECT_EQ(rules[1].text, "host replication   standby samenet scram-sha-256");
  EXPECT_EQ(rules[2].file, kPath);
  EXPECT_EQ(rules[2].line, 4u);
}

TEST(HbaFileTest, AllErrorsAreFoundAndThenThereAreNoRules) {
  const HbaFile file = read_text(
      "local all all trust\nlocal all\nhost all all trust\nlocal @none all trust\nlocal all all "
      "x\n");
  EXPECT_FALSE(file.rules.has_value());
  EXPECT_THAT(
      texts(file.errors),
      testing::UnorderedElementsAre(
          "2: end-of-line before role specification", "3: end-of-line before authentication method",
          "4: could not open secondary authentication file \"@none\" as \"/d/none\": No such "
          "file or directory",
          "5: invalid authentication method \"x\""));
}

// No client could connect by it.
TEST(HbaFileTest, AFileWithoutRulesIsNone) {
  for (const char* text : {"", "# local all all trust\n", "include_if_exists none\n"}) {
    const HbaFile file = read_text(text);
    EXPECT_FALSE(file.rules.has_value());
    ASSERT_THAT(texts(file.errors),
                ElementsAre("0: configuration file \"/d/hba\" contains no entries"));
    EXPECT_EQ(file.errors[0].context(), "");
    EXPECT_EQ(file.errors[0].error.kind->code, "F0000");
  }
}

TEST(HbaFileTest, AFileThatIsMissingHasNoRules) {
  const HbaFile file = read_hba_file(kPath, SslState::kOn, tests::MemoryFiles().source());
  EXPECT_FALSE(file.rules.has_value());
  EXPECT_THAT(texts(file.errors),
              ElementsAre("0: could not open configuration file \"/d/hba\": No such file or "
                          "directory"));
}

// In the words in which PostgreSQL refuses what it was built without.
TEST(HbaFileTest, MethodsThatAreNotHereAreRefusedByName) {
  for (const std::string method :
       {"ident", "gss", "sspi", "pam", "bsd", "ldap", "radius", "oauth"}) {
    EXPECT_THAT(texts(read_text("host all all all " + method + " a=b\n").errors),
                ElementsAre("1: invalid authentication method \"" + method +
                            "\": not supported by this build"));
  }
  for (const std::string option : {"issuer", "scope", "validator", "delegate_ident_mapping"}) {
    EXPECT_THAT(texts(read_text("host all all all md5 " + option + "=b\n").errors),
                ElementsAre("1: authentication option \"" + option +
                            "\" is only valid for authentication methods oauth"));
  }
}

TEST(HbaFileTest, KeepsTheOptions) {
  const HbaFile file = read_text(
      "hostssl all all all cert map=m clientname=DN\n"
      "hostssl all all all scram-sha-256 clientcert=verify-ca\n"
      "hostssl all all all trust clientname=DN,clientname=CN clientcert=verify-full\n"
      "local all all peer\n");
  ASSERT_TRUE(file.rules.has_value());
  const auto rules = file.rules->all();
  EXPECT_EQ(rules[0].options.map, "m");
  EXPECT_EQ(rules[0].options.client_cert, ClientCert::kVerifyFull) << "what cert comes with";
  EXPECT_EQ(rules[0].options.client_name, ClientName::kDistinguishedName);
  EXPECT_EQ(rules[1].options.client_cert, ClientCert::kVerifyCa);
  EXPECT_EQ(rules[2].options.client_name, ClientName::kCommonName);
  EXPECT_EQ(rules[2].options.client_cert, ClientCert::kVerifyFull);
  EXPECT_EQ(rules[3].options.map, std::nullopt);
  EXPECT_EQ(rules[3].options.client_cert, ClientCert::kOff);
}

// PostgreSQL 16's; also in quotes, as there.
TEST(HbaFileTest, NamesMayBeRegularExpressions) {
  const HbaFile file = read_text("local /^a,\"/b c\",/ \"/d{1,2}\",+/x,e trust\n");
  ASSERT_TRUE(file.rules.has_value());
  const HbaRule& rule = file.rules->all()[0];
  ASSERT_EQ(rule.databases.size(), 3u);
  for (const NameToken& database : rule.databases) EXPECT_NE(database.regex(), nullptr);
  EXPECT_EQ(rule.databases[1].regex()->pattern(), "b c");
  ASSERT_EQ(rule.users.size(), 3u);
  EXPECT_EQ(rule.users[0].regex()->pattern(), "d{1,2}");
  EXPECT_TRUE(rule.users[1].is_group());
  EXPECT_EQ(rule.users[1].regex(), nullptr);
  const HbaFile wrong = read_text("local /( all trust\nlocal all \"/a)\" trust\n");
  EXPECT_THAT(texts(wrong.errors),
              ElementsAre("1: invalid regular expression \"(\": parentheses () not balanced",
                          "2: invalid regular expression \"a)\": parentheses () not balanced"));
  EXPECT_EQ(wrong.errors[0].error.kind->code, "2201B");
}

TEST(HbaFileTest, WarnsOfRulesThatNothingCanMatch) {
  const std::string text =
      "hostssl all all all md5\nhostgssenc all all all md5\nhostnossl all all all md5\n";
  EXPECT_THAT(texts(read_text(text, SslState::kOn).warnings),
              ElementsAre("2: hostgssenc record cannot match because GSSAPI is not supported by "
                          "this build"));
  const HbaFile file = read_text(text, SslState::kOff);
  EXPECT_TRUE(file.rules.has_value());
  EXPECT_THAT(texts(file.warnings),
              ElementsAre("1: hostssl record cannot match because SSL is disabled",
                          "2: hostgssenc record cannot match because GSSAPI is not supported by "
                          "this build"));
}

TEST(HbaFileTest, ADirectoryOrAMissingFileMayBeIncluded) {
  tests::MemoryFiles files;
  files.write(kPath, "include_dir rules.d\ninclude_if_exists none\n")
      .write("/d/rules.d/1.conf", "local all all trust\n")
      .write("/d/rules.d/2.conf", "local all all nothing\n");
  const HbaFile file = read_hba_file(kPath, SslState::kOn, files.source());
  EXPECT_THAT(file.skipped, ElementsAre("/d/none"));
  ASSERT_THAT(texts(file.errors), ElementsAre("1: invalid authentication method \"nothing\""));
  EXPECT_EQ(file.errors[0].context(), "line 1 of configuration file \"/d/rules.d/2.conf\"");
}

}  // namespace
}  // namespace server::auth

// Plays lines of hba and ident files, and compares with what PostgreSQL 15 says of each: its error
// with SQLSTATE and hint, or the row of pg_hba_file_rules or pg_ident_file_mappings. The lists
// beside this file have both. tests/differential/test_auth_lines.py holds them to a PostgreSQL that
// runs, with which it also writes them.

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/check.h"
#include "server/auth/hba_file.h"
#include "server/auth/ident_map.h"
#include "tests/auth/memory_files.h"

namespace server::auth {
namespace {

constexpr std::string_view kSays = "=> ";
const std::string kDirectory = "/dir";
const std::string kPath = kDirectory + "/pg.conf";
constexpr std::size_t kLinesBefore = 3;

struct Case {
  std::string line;  // or several, continued
  std::vector<std::string> said;
};

std::vector<Case> read_cases(const std::string& name) {
  std::ifstream file(std::filesystem::path(WALCAST_AUTH_TESTS_DIR) / name);
  CHECK(file.good());
  std::vector<Case> cases;
  bool begins = true;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(kSays)) {
      CHECK(!cases.empty());
      cases.back().said.push_back(line.substr(kSays.size()));
      begins = true;
    } else if (begins) {
      cases.emplace_back().line = line;
      begins = false;
    } else {
      cases.back().line += "\n" + line;
    }
  }
  return cases;
}

tests::MemoryFiles files_with(const std::string& line) {
  tests::MemoryFiles files;
  files.write(kPath, std::string(kLinesBefore, '\n') + line + "\n")
      .write(kDirectory + "/users", "ann bob, carl\n# none\n\"dora e\"\n")
      .write(kDirectory + "/empty", "# nobody\n\n")
      .write(kDirectory + "/with blank", "x\n")
      .write(kDirectory + "/quoted", "\"all\" all \"@users\"\n")
      .write(kDirectory + "/nested", "y, @users\nz\n");
  return files;
}

std::string without_directory(std::string text) {
  for (std::size_t at = 0; (at = text.find(kDirectory + "/", at)) != std::string::npos;) {
    text.replace(at, kDirectory.size(), "$DIR");
  }
  return text;
}

std::vector<std::string> said_of(const std::vector<FileError>& errors) {
  EXPECT_EQ(errors.size(), 1u);
  const FileError& first = errors.front();
  EXPECT_EQ(first.context(), "line 4 of configuration file \"/dir/pg.conf\"");
  std::vector<std::string> said{std::string(first.error.kind->code) + " " +
                                without_directory(first.error.what)};
  if (!first.error.hint.empty()) said.push_back("HINT " + first.error.hint);
  return said;
}

// An array as PostgreSQL prints it.
std::string array(const std::vector<std::string>& elements) {
  std::string text;
  for (const std::string& element : elements) {
    text += text.empty() ? "{" : ",";
    if (!element.empty() && element.find_first_of("{}\",\\ ") == std::string::npos) {
      text += element;
      continue;
    }
    text += '"';
    for (const char c : element) text += (c == '"' || c == '\\' ? "\\" : "") + std::string(1, c);
    text += '"';
  }
  return text.empty() ? text : text + "}";
}

std::string array(const std::vector<NameToken>& tokens) {
  std::vector<std::string> texts;
  for (const NameToken& token : tokens) texts.push_back(token.token().text);
  return array(texts);
}

std::string host(const HbaRule& rule) {
  switch (rule.host.kind) {
    case HostPattern::Kind::kAll:
      return rule.type == ConnectionType::kLocal ? "|" : "all|";
    case HostPattern::Kind::kSameHost:
      return "samehost|";
    case HostPattern::Kind::kSameNet:
      return "samenet|";
    case HostPattern::Kind::kRange:
      return rule.host.range.address.text() + "|" + rule.host.range.mask.text();
    case HostPattern::Kind::kName:
      return rule.host.name + "|";
  }
  UNREACHABLE();
}

// PostgreSQL 15 does not show clientname.
std::string options(const HbaOptions& options) {
  std::vector<std::string> texts;
  if (options.map) texts.push_back("map=" + *options.map);
  if (options.client_cert == ClientCert::kVerifyCa) texts.emplace_back("clientcert=verify-ca");
  if (options.client_cert == ClientCert::kVerifyFull) texts.emplace_back("clientcert=verify-full");
  return array(texts);
}

std::string row(const HbaRule& rule) {
  return "ok " + std::string(name(rule.type)) + "|" + array(rule.databases) + "|" +
         array(rule.users) + "|" + host(rule) + "|" + std::string(name(rule.method)) + "|" +
         options(rule.options);
}

TEST(HbaLinesTest, AreAsPostgresHasThem) {
  const std::vector<Case> cases = read_cases("hba_lines.txt");
  EXPECT_GT(cases.size(), 100u);
  for (const Case& one : cases) {
    const HbaFile file = read_hba_file(kPath, SslState::kOn, files_with(one.line).source());
    if (!file.rules) {
      EXPECT_EQ(said_of(file.errors), one.said) << one.line;
      continue;
    }
    ASSERT_EQ(file.rules->all().size(), 1u) << one.line;
    const HbaRule& rule = file.rules->all().front();
    EXPECT_EQ(std::vector{row(rule)}, one.said) << one.line;
    EXPECT_EQ(rule.file, kPath);
    EXPECT_EQ(rule.line, kLinesBefore + 1) << one.line;
  }
}

TEST(IdentLinesTest, AreAsPostgresHasThem) {
  const std::vector<Case> cases = read_cases("ident_lines.txt");
  EXPECT_GT(cases.size(), 30u);
  for (const Case& one : cases) {
    const IdentFile file = read_ident_file(kPath, files_with(one.line).source());
    if (!file.maps) {
      EXPECT_EQ(said_of(file.errors), one.said) << one.line;
      continue;
    }
    ASSERT_EQ(file.maps->all().size(), 1u) << one.line;
    const IdentLine& line = file.maps->all().front();
    EXPECT_EQ(std::vector{"ok " + line.map + "|" + line.system_user.token().text + "|" +
                          line.user.token().text},
              one.said)
        << one.line;
  }
}

}  // namespace
}  // namespace server::auth

#include "server/source/conninfo.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/temp_dir.h"

namespace server::source {
namespace {

using std::chrono::seconds;
using Hosts = std::vector<Host>;

// One variable of the environment for one test.
class Variable {
 public:
  Variable(const char* name, const std::string& value) : name_(name) {
    ::setenv(name, value.c_str(), /*overwrite=*/1);
  }
  ~Variable() { ::unsetenv(name_); }

 private:
  const char* name_;
};

Conninfo read(const std::string& text) {
  auto conninfo = read_conninfo(text);
  EXPECT_TRUE(conninfo) << conninfo.error().what;
  return conninfo ? *conninfo : Conninfo{};
}

std::string refusal(const std::string& text) {
  const auto conninfo = read_conninfo(text);
  return conninfo ? "" : conninfo.error().what;
}

std::string option(const Conninfo& conninfo, const std::string& wanted) {
  for (const auto& [name, value] : conninfo.options) {
    if (name == wanted) return value;
  }
  return "";
}

TEST(ConninfoTest, TakesListsOfHostsApart) {
  EXPECT_EQ(read("host=a").hosts, (Hosts{{"a", "", "5432"}}));
  EXPECT_EQ(read("host=a,b port=1").hosts, (Hosts{{"a", "", "1"}, {"b", "", "1"}}));
  EXPECT_EQ(read("host=a,/run port=1,2").hosts, (Hosts{{"a", "", "1"}, {"/run", "", "2"}}));
  EXPECT_EQ(read("host=a,b hostaddr=::1, port=1,").hosts,
            (Hosts{{"a", "::1", "1"}, {"b", "", ""}}));
  EXPECT_EQ(read("hostaddr=127.0.0.1,::1").hosts,
            (Hosts{{"", "127.0.0.1", "5432"}, {"", "::1", "5432"}}));
  EXPECT_EQ(read("postgresql://u@a:1,[::1]:2/?sslmode=disable").hosts,
            (Hosts{{"a", "", "1"}, {"::1", "", "2"}}));
  EXPECT_EQ(read("user=u").hosts, (Hosts{{"", "", "5432"}}));
}

TEST(ConninfoTest, WhatIsNotOfTheHostIsPassedOnAsItIs) {
  const Conninfo conninfo = read("host=a user=u password=' x' dbname=d connect_timeout=3");
  const std::vector<std::pair<std::string, std::string>> expected{
      {"connect_timeout", "3"}, {"dbname", "d"}, {"password", " x"}, {"user", "u"}};
  EXPECT_EQ(conninfo.options, expected);
}

TEST(ConninfoTest, AHostHasTheTimeThatLibpqWouldGiveIt) {
  EXPECT_EQ(read("host=a").host_timeout, std::nullopt);
  EXPECT_EQ(read("connect_timeout=25").host_timeout, seconds(25));
  EXPECT_EQ(read("connect_timeout=1").host_timeout, seconds(2));
  EXPECT_EQ(read("connect_timeout=0").host_timeout, seconds(0));
  EXPECT_EQ(read("connect_timeout=-1").host_timeout, seconds(0));
  EXPECT_EQ(refusal("connect_timeout=2s"),
            "invalid integer value \"2s\" for connection option \"connect_timeout\"");
}

TEST(ConninfoTest, OnlyToPreferAStandbyTakesTwoPasses) {
  using Passes = std::vector<std::string>;
  EXPECT_EQ(read("host=a").session_attrs, Passes{"any"});
  EXPECT_EQ(read("target_session_attrs=read-write").session_attrs, Passes{"read-write"});
  EXPECT_EQ(read("target_session_attrs=prefer-standby").session_attrs, (Passes{"standby", "any"}));
}

TEST(ConninfoTest, TheEnvironmentCountsForWhatIsNotSaid) {
  const Variable host("PGHOST", "a,b");
  const Variable port("PGPORT", "1,2");
  const Variable timeout("PGCONNECT_TIMEOUT", "7");
  const Variable attrs("PGTARGETSESSIONATTRS", "primary");
  const Conninfo conninfo = read("user=u");
  EXPECT_EQ(conninfo.hosts, (Hosts{{"a", "", "1"}, {"b", "", "2"}}));
  EXPECT_EQ(conninfo.host_timeout, seconds(7));
  EXPECT_EQ(conninfo.session_attrs.front(), "primary");
  EXPECT_EQ(read("host=c port=3 connect_timeout=8").hosts, (Hosts{{"c", "", "3"}}));
}

TEST(ConninfoTest, SoDoesAServiceFile) {
  const tests::TempDir directory;
  const Variable file("PGSERVICEFILE", directory.file("services"));
  std::ofstream(directory.file("services")) << "[walcast]\nhost=a,b\nport=1\nconnect_timeout=5\n";
  const Conninfo conninfo = read("service=walcast port=2");
  EXPECT_EQ(conninfo.hosts, (Hosts{{"a", "", "2"}, {"b", "", "2"}}));
  EXPECT_EQ(conninfo.host_timeout, seconds(5));
  EXPECT_EQ(option(conninfo, "service"), "walcast") << "which may say more";
  EXPECT_EQ(refusal("service=other"), "definition of service \"other\" not found");
}

TEST(ConninfoTest, IsRefusedInLibpqsWords) {
  EXPECT_EQ(refusal("nonsense"), "missing \"=\" after \"nonsense\" in connection info string");
  EXPECT_EQ(refusal("colour=red"), "invalid connection option \"colour\"");
  EXPECT_EQ(refusal("host=a,b port=1,2,3"), "could not match 3 port numbers to 2 hosts");
  EXPECT_EQ(refusal("host=a hostaddr=::1,::2"),
            "could not match 1 host names to 2 hostaddr values");
}

TEST(ConninfoTest, IsShownWithoutItsSecrets) {
  EXPECT_EQ(show_conninfo("host=a password=hush user=u"), "user=u password=******** host=a");
  EXPECT_EQ(show_conninfo("postgresql://u:hush@a:1/d"),
            "user=u password=******** dbname=d host=a port=1");
  EXPECT_EQ(show_conninfo("application_name='it''s a \\'name\\''"), "") << "libpq cannot read it";
  EXPECT_EQ(show_conninfo("application_name='a b'"), "application_name='a b'");
  EXPECT_EQ(show_conninfo(""), "");
}

TEST(ConninfoTest, AHostIsDescribedByWhatIsKnownOfIt) {
  EXPECT_EQ(describe({"a", "", "1"}), "host=a port=1");
  EXPECT_EQ(describe({"a", "::1", "1"}), "host=a hostaddr=::1 port=1");
  EXPECT_EQ(describe({"", "", "5432"}), "port=5432");
}

}  // namespace
}  // namespace server::source

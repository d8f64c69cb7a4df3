#include "server/session/startup.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "server/wal/format.h"
#include "tests/support/backend_messages.h"
#include "tests/support/bytes.h"

namespace server::session {
namespace {

using Next = Startup::Next;
using testing::ElementsAre;
using Lines = std::vector<std::string>;

constexpr std::string_view kSsl = "04d2162f";
constexpr std::string_view kGss = "04d21630";

// A start-up packet with these parameters, as name, value, name, value.
std::vector<std::byte> packet(const std::vector<std::string_view>& words,
                              std::string_view version = "00030000") {
  std::vector<std::byte> bytes = tests::bytes(version);
  for (const std::string_view word : words) {
    const auto* raw = reinterpret_cast<const std::byte*>(word.data());
    bytes.insert(bytes.end(), raw, raw + word.size());
    bytes.push_back({});
  }
  bytes.push_back({});
  return bytes;
}

struct StartupPacketsTest : testing::Test {
  StartupPacketsTest() {
    settings::add_source_settings(identity, settings);
    settings.set("wal_sender_timeout", "60s", "");
  }

  // The packet must live as long as the start-up does.
  Next take(std::vector<std::byte> body, bool more_bytes_follow = false) {
    bytes = std::move(body);
    wire::MessageWriter out(std::pmr::get_default_resource());
    const Next next = startup.on_packet(bytes, more_bytes_follow, out);
    answer.assign(out.bytes().begin(), out.bytes().end());
    return next;
  }
  Lines lines() const { return tests::describe(answer); }

  // Connects with these parameters and takes them; an error is told as "code text".
  Client connect(std::vector<std::string_view> words) {
    words.insert(words.end(), {"replication", "true", "user", "u"});
    EXPECT_EQ(take(packet(words)), Next::kConnect);
    wire::MessageWriter out(std::pmr::get_default_resource());
    auto client = startup.take_parameters(settings, out);
    notices = tests::describe(out.bytes());
    error.clear();
    if (client) return *std::move(client);
    error = std::string(client.error().kind->code) + " " + client.error().what;
    return {};
  }

  const wal::Identity identity{
      .system_identifier = 1, .segment_size = {}, .page_magic = wal::page_magic(18).value()};
  settings::Settings settings;
  Startup startup{wire::kProtocolVersion};
  std::vector<std::byte> bytes;
  std::vector<std::byte> answer;
  std::string error;
  Lines notices;
};

TEST_F(StartupPacketsTest, DeclinesEncryptionOnceOfEachKind) {
  EXPECT_EQ(take(tests::bytes(kSsl)), Next::kMorePackets);
  EXPECT_EQ(answer, tests::bytes("\"N\""));
  EXPECT_EQ(take(tests::bytes(kGss)), Next::kMorePackets);
  EXPECT_EQ(answer, tests::bytes("\"N\""));
  EXPECT_EQ(take(tests::bytes(kSsl)), Next::kRefused);
  EXPECT_THAT(lines(), ElementsAre("E FATAL 0A000 unsupported frontend protocol 1234.5679: server "
                                   "supports 3.0 to 3.0"));
}

TEST_F(StartupPacketsTest, GoesOnAfterEncryptionWasDeclined) {
  EXPECT_EQ(take(tests::bytes(kGss)), Next::kMorePackets);
  EXPECT_EQ(take(packet({"user", "u", "replication", "1"})), Next::kConnect);
  EXPECT_TRUE(answer.empty());
}

// CVE-2021-23214: checked even though the answer is N.
TEST_F(StartupPacketsTest, RefusesWhatCameBeforeTheAnswerWasRead) {
  EXPECT_EQ(take(tests::bytes(kSsl), /*more_bytes_follow=*/true), Next::kRefused);
  ASSERT_FALSE(answer.empty());
  EXPECT_EQ(answer.front(), std::byte{'N'});
  answer.erase(answer.begin());
  const std::string detail =
      " / This could be either a client-software bug or evidence of an attempted "
      "man-in-the-middle attack.";
  EXPECT_THAT(lines(),
              ElementsAre("E FATAL 08P01 received unencrypted data after SSL request" + detail));
  startup = Startup(wire::kProtocolVersion);
  take(tests::bytes(kGss), true);
  answer.erase(answer.begin());
  EXPECT_THAT(
      lines(),
      ElementsAre("E FATAL 08P01 received unencrypted data after GSSAPI encryption request" +
                  detail));
}

TEST_F(StartupPacketsTest, SaysNothingToACancelRequest) {
  for (const char* request :
       {"04d2162e 00001267 deadbeef", "04d2162e 00001267 deadbeef 00", "04d2162e"}) {
    EXPECT_EQ(take(tests::bytes(request)), Next::kCancel) << request;
    EXPECT_TRUE(answer.empty()) << request;
  }
}

TEST_F(StartupPacketsTest, AnswersOldProtocolsInTheirOwnForm) {
  EXPECT_EQ(take(tests::bytes("00020000 00")), Next::kRefused);
  EXPECT_EQ(answer, tests::bytes("\"EFATAL:  unsupported frontend protocol 2.0: server supports "
                                 "3.0 to 3.0\" 0a 00"));
  EXPECT_EQ(take(tests::bytes("00040000 00")), Next::kRefused);
  EXPECT_THAT(lines(), ElementsAre("E FATAL 0A000 unsupported frontend protocol 4.0: server "
                                   "supports 3.0 to 3.0"));
  EXPECT_EQ(take(tests::bytes("00000003 00")), Next::kRefused);
  EXPECT_EQ(answer.at(1), std::byte{'F'});
}

// To PostgreSQL, 0 is a version that has not been asked for yet.
TEST_F(StartupPacketsTest, VersionZeroIsNoOldProtocol) {
  EXPECT_EQ(take(tests::bytes("00000000 00")), Next::kRefused);
  EXPECT_THAT(lines(), ElementsAre("E FATAL 0A000 unsupported frontend protocol 0.0: server "
                                   "supports 3.0 to 3.0"));
}

TEST_F(StartupPacketsTest, RefusesABadLayout) {
  EXPECT_EQ(take(tests::bytes("00030000 \"user\" 00 \"u\" 00")), Next::kRefused);
  EXPECT_THAT(lines(), ElementsAre("E FATAL 08P01 invalid startup packet layout: expected "
                                   "terminator as last byte"));
}

TEST_F(StartupPacketsTest, NegotiatesTheVersionDown) {
  const std::vector<std::string_view> words{"user", "u", "replication", "true"};
  EXPECT_EQ(take(packet(words, "00030002")), Next::kConnect);
  EXPECT_THAT(lines(), ElementsAre("v 3.0"));
  EXPECT_EQ(take(packet(words, "00030000")), Next::kConnect);
  EXPECT_TRUE(answer.empty());
}

// libpq 19 does so on purpose, and insists on both halves of the answer.
TEST_F(StartupPacketsTest, NegotiatesGrease) {
  EXPECT_EQ(take(packet({"_pq_.test_protocol_negotiation", "", "user", "u", "replication", "true"},
                        "0003270f")),
            Next::kConnect);
  EXPECT_THAT(lines(), ElementsAre("v 3.0 _pq_.test_protocol_negotiation"));
}

TEST_F(StartupPacketsTest, NamesEveryProtocolOptionItDoesNotKnow) {
  EXPECT_EQ(take(packet({"_pq_.a", "1", "user", "u", "_pq_.b", "2", "replication", "true"})),
            Next::kConnect);
  EXPECT_THAT(lines(), ElementsAre("v 3.0 _pq_.a _pq_.b"));
}

TEST_F(StartupPacketsTest, NeedsAUser) {
  for (const auto& words : {std::vector<std::string_view>{"replication", "true"},
                            std::vector<std::string_view>{"user", "", "replication", "true"}}) {
    EXPECT_EQ(take(packet(words)), Next::kRefused);
    EXPECT_THAT(lines(),
                ElementsAre("E FATAL 28000 no PostgreSQL user name specified in startup packet"));
  }
}

TEST_F(StartupPacketsTest, ServesPhysicalReplicationOnly) {
  for (const auto& words :
       {std::vector<std::string_view>{"user", "u"},
        std::vector<std::string_view>{"user", "u", "replication", "off"},
        std::vector<std::string_view>{"user", "u", "replication", "database"}}) {
    EXPECT_EQ(take(packet(words)), Next::kRefused);
    EXPECT_THAT(lines(), ElementsAre("E FATAL 0A000 this server takes physical replication "
                                     "connections only / walcast has no databases. Connect with "
                                     "\"replication=true\"."));
  }
}

TEST_F(StartupPacketsTest, RefusesAReplicationThatIsNoBoolean) {
  EXPECT_EQ(take(packet({"user", "u", "replication", "maybe"})), Next::kRefused);
  EXPECT_THAT(lines(), ElementsAre("E FATAL 22023 invalid value for parameter \"replication\": "
                                   "\"maybe\" / Valid values are: \"false\", 0, \"true\", 1, "
                                   "\"database\"."));
}

TEST_F(StartupPacketsTest, TakesWhatAWalreceiverSends) {
  const Client client = connect({"database", "replication", "application_name", "walreceiver"});
  EXPECT_EQ(error, "");
  EXPECT_EQ(client.user, "u");
  EXPECT_EQ(client.application_name(), "walreceiver");
  EXPECT_EQ(client.settings.find("client_encoding"), std::nullopt);
  EXPECT_EQ(client.settings.find("wal_sender_timeout"), std::nullopt);
}

TEST_F(StartupPacketsTest, CutsTheUserTo63Bytes) {
  const std::string name(70, 'x');
  EXPECT_EQ(take(packet({"user", name, "replication", "true"})), Next::kConnect);
  wire::MessageWriter out(std::pmr::get_default_resource());
  EXPECT_EQ(startup.take_parameters(settings, out)->user, std::string(63, 'x'));
  EXPECT_TRUE(out.bytes().empty()) << "without a word";
}

std::string notice_of(const std::string& name) {
  return "N NOTICE 42622 identifier \"" + name + "\" will be truncated to \"" + name.substr(0, 63) +
         "\"";
}

TEST_F(StartupPacketsTest, CutsNamesTo63BytesAndNoticesIt) {
  const std::string name(64, 'n');
  EXPECT_EQ(connect({"application_name", name}).application_name(), name.substr(0, 63));
  EXPECT_THAT(notices, ElementsAre(notice_of(name)));
  const std::string options = "-c application_name=" + name + " -c role=" + name + "x";
  connect({"default_tablespace", name + "y", "options", options});
  EXPECT_THAT(notices, ElementsAre(notice_of(name), notice_of(name + "x"), notice_of(name + "y")));
  connect({"application_name", name.substr(1), "search_path", name, "database", name});
  EXPECT_TRUE(notices.empty());
}

TEST_F(StartupPacketsTest, ClientMinMessagesForbidsNoticesFromThenOn) {
  const std::string name(64, 'n');
  for (const char* least : {"warning", "ERROR"}) {
    connect({"client_min_messages", least, "application_name", name});
    EXPECT_TRUE(notices.empty()) << least;
    connect({"application_name", name, "client_min_messages", least});
    EXPECT_THAT(notices, ElementsAre(notice_of(name))) << least;
  }
  for (const char* least : {"notice", "log", "debug5"}) {
    connect({"client_min_messages", least, "application_name", name});
    EXPECT_THAT(notices, ElementsAre(notice_of(name))) << least;
  }
}

// It is cut at the byte before what it may not show is replaced.
TEST_F(StartupPacketsTest, CutsAnApplicationNameWhereverACharacterIs) {
  const std::string name = std::string(62, 'n') + "\u00e9";
  EXPECT_EQ(connect({"application_name", name}).application_name(), std::string(62, 'n') + "?");
  EXPECT_THAT(notices, ElementsAre(notice_of(name)));
}

TEST_F(StartupPacketsTest, NoticesWhatItCutsBeforeItRefusesIt) {
  const std::string name(80, 'x');
  connect({"client_encoding", name});
  EXPECT_EQ(error, "22023 invalid value for parameter \"client_encoding\": \"" +
                       name.substr(0, 63) + "\"");
  EXPECT_THAT(notices, ElementsAre(notice_of(name)));
}

TEST_F(StartupPacketsTest, TakesParametersInAnyCase) {
  const Client client = connect({"Application_Name", "a", "CLIENT_ENCODING", "UTF8"});
  EXPECT_EQ(client.application_name(), "a");
  EXPECT_EQ(client.settings.find("client_encoding"), "UTF8");
}

TEST_F(StartupPacketsTest, IgnoresTheSettingsThatChangeNothingHere) {
  connect({"TimeZone", "Europe/Berlin", "datestyle", "ISO"});
  EXPECT_EQ(error, "");
}

TEST_F(StartupPacketsTest, RefusesAParameterThatPostgresDoesNotKnow) {
  connect({"no_such", "x"});
  EXPECT_EQ(error, "42704 unrecognized configuration parameter \"no_such\"");
  connect({"options", "-c no_such=x"});
  EXPECT_EQ(error, "42704 unrecognized configuration parameter \"no_such\"");
}

TEST_F(StartupPacketsTest, TakesATimeoutOfTheStandbysOwn) {
  const std::pair<const char*, const char*> cases[] = {
      {"-c wal_sender_timeout=5s", "5s"},
      {"-cwal_sender_timeout=5s", "5s"},
      {"--wal_sender_timeout=250", "250ms"},
      {"--wal-sender-timeout=60000ms", "1min"},
      {"-c wal-sender-timeout=0", "0"},
      {"-c WAL_Sender_Timeout=5s", "5s"},
      {"  -c\twal_sender_timeout=5s  ", "5s"},
      {"-c wal_sender_timeout=5\\ s", "5s"},
      {"-c wal_sender_timeout=1s --wal_sender_timeout=2s", "2s"}};
  for (const auto& [options, timeout] : cases) {
    const Client client = connect({"options", options});
    EXPECT_EQ(error, "") << options;
    EXPECT_EQ(client.settings.find("wal_sender_timeout"), timeout) << options;
  }
  EXPECT_EQ(connect({"wal_sender_timeout", "3s"}).settings.find("wal_sender_timeout"), "3s");
  EXPECT_EQ(connect({"wal_sender_timeout", "1s", "options", "-c wal_sender_timeout=2s"})
                .settings.find("wal_sender_timeout"),
            "1s")
      << "the options come first";
}

TEST_F(StartupPacketsTest, RefusesATimeoutThatIsNone) {
  for (const char* value : {"", "soon", "nan", "5 parsecs", "5 m s"}) {
    connect({"wal_sender_timeout", value});
    EXPECT_EQ(error, "22023 invalid value for parameter \"wal_sender_timeout\": \"" +
                         std::string(value) + "\"");
  }
}

TEST_F(StartupPacketsTest, SplitsOptionsAtBlanksThatAreNotEscaped) {
  EXPECT_EQ(connect({"options", "-c application_name=a\\ b\\\\c"}).application_name(), "a b\\c");
  EXPECT_EQ(connect({"options", "-c application_name=x\\"}).application_name(), "x");
  EXPECT_EQ(connect({"options", ""}).settings.find("application_name"), std::nullopt);
  EXPECT_EQ(connect({"options", "-c application_name="}).application_name(), "");
  EXPECT_EQ(connect({"options", "-c application_name=a=b"}).application_name(), "a=b");
}

TEST_F(StartupPacketsTest, RefusesOptionsItCannotRead) {
  const std::pair<const char*, const char*> cases[] = {
      {"--foo", "42601 --foo requires a value"},
      {"---", "42601 --- requires a value"},
      {"-c --", "42601 -c -- requires a value"},
      {"-- x", "42601 invalid command-line argument for server process: x"},
      {"-- -e", "42601 invalid command-line argument for server process: -e"},
      {"-- --", "42601 invalid command-line argument for server process: --"},
      {"-c no_such=1 foo", "42704 unrecognized configuration parameter \"no_such\""},
      {"-E -x", "42601 invalid command-line argument for server process: -x"},
      {"-S", "42601 invalid command-line argument for server process: -S"},
      {"-p 5", "55P02 parameter \"port\" cannot be changed without restarting the server"},
      {"-F", "55P02 parameter \"fsync\" cannot be changed now"},
      {"-c foo", "42601 -c foo requires a value"},
      {"-c", "42601 invalid command-line argument for server process: -c"},
      {"foo", "42601 invalid command-line argument for server process: foo"},
      {"-x 1", "42601 invalid command-line argument for server process: -x"}};
  for (const auto& [options, expected] : cases) {
    connect({"options", options});
    EXPECT_EQ(error, expected);
  }
}

TEST_F(StartupPacketsTest, TakesWhatABackendTakesOfSwitches) {
  for (const char* options : {"-E", "-EP", "-S 500", "-S500", "-d 3 -n", "-fs -tpl", "-e -O -T"}) {
    connect({"options", options});
    EXPECT_EQ(error, "") << options;
  }
}

TEST_F(StartupPacketsTest, TwoDashesEndTheOptions) {
  EXPECT_EQ(connect({"options", "-c application_name=x --"}).application_name(), "x");
  EXPECT_EQ(error, "");
  EXPECT_EQ(connect({"options", "-d -- -c application_name=y"}).application_name(), "y")
      << "a value may look like it";
  EXPECT_EQ(error, "");
}

TEST_F(StartupPacketsTest, GreetsWithTheSessionsParameters) {
  const Client client = connect({"application_name", "standby1", "client_encoding", "UTF8"});
  wire::MessageWriter out(std::pmr::get_default_resource());
  startup.greet(settings, settings::reported_settings(identity), client, 4711,
                tests::bytes("00000011"), out);
  const Lines greeting = tests::describe(out.bytes());
  ASSERT_EQ(greeting.size(), 15u + 2u);
  EXPECT_EQ(greeting[15], "K 4711 17");
  EXPECT_EQ(greeting[16], "Z I");
  for (const char* line :
       {"S application_name=standby1", "S client_encoding=UTF8", "S server_encoding=SQL_ASCII",
        "S session_authorization=u", "S integer_datetimes=on", "S in_hot_standby=off",
        "S default_transaction_read_only=off", "S TimeZone=UTC", "S DateStyle=ISO, MDY",
        "S scram_iterations=4096", "S search_path=\"$user\", public"}) {
    EXPECT_THAT(greeting, testing::Contains(line));
  }
}

TEST_F(StartupPacketsTest, GreetsWithDefaultsWhereNothingWasSet) {
  const Client client = connect({});
  wire::MessageWriter out(std::pmr::get_default_resource());
  startup.greet(settings, settings::reported_settings(identity), client, 1, {}, out);
  EXPECT_THAT(tests::describe(out.bytes()), testing::Contains("S application_name="));
  EXPECT_THAT(tests::describe(out.bytes()), testing::Contains("S client_encoding=SQL_ASCII"));
}

}  // namespace
}  // namespace server::session

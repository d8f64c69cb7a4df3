#include "server/session/login.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/wal/format.h"
#include "tests/support/backend_messages.h"
#include "tests/support/bytes.h"

// What the differential scripts `startup` and `settings` cannot show: walcast's own words, what is
// in no answer, and PostgreSQL's answers of other versions than 15.

namespace server::session {
namespace {

using Next = Login::Next;
using testing::Contains;
using testing::ElementsAre;
using Lines = std::vector<std::string>;
using Words = std::vector<std::string_view>;

// A start-up packet with these parameters, as name, value, name, value.
std::vector<std::byte> packet(const Words& words, std::string_view version = "00030000") {
  std::vector<std::byte> bytes = tests::bytes(version);
  for (const std::string_view word : words) {
    const auto* raw = reinterpret_cast<const std::byte*>(word.data());
    bytes.insert(bytes.end(), raw, raw + word.size());
    bytes.push_back({});
  }
  bytes.push_back({});
  return bytes;
}

std::string notice_of(const std::string& name) {
  return "N NOTICE 42622 identifier \"" + name + "\" will be truncated to \"" + name.substr(0, 63) +
         "\"";
}

struct LoginTest : testing::Test {
  LoginTest() {
    settings::add_source_settings(identity, settings);
    settings.set("wal_sender_timeout", "60s", "");
  }

  // The bytes of a packet are gone when it has been taken.
  Next take(Login& login, const std::vector<std::byte>& body, bool more_bytes_follow = false) {
    auto bytes = std::make_unique<std::vector<std::byte>>(body);
    wire::MessageWriter out(std::pmr::get_default_resource());
    const Next next = login.take(*bytes, more_bytes_follow, server(), out);
    answer.assign(out.bytes().begin(), out.bytes().end());
    lines = tests::describe(answer);
    return next;
  }
  // A client that comes with these parameters and is let in, or else is not.
  std::optional<Login::Entry> enter(Words words, std::string_view version = "00030000") {
    words.insert(words.end(), {"replication", "true", "user", "u"});
    Login login(4711, too_many, {});
    if (take(login, packet(words, version)) != Next::kIn) return std::nullopt;
    return login.take_entry();
  }
  // Those notices among the answers.
  Lines notices() const {
    Lines found;
    std::copy_if(lines.begin(), lines.end(), std::back_inserter(found),
                 [](const std::string& line) { return line.starts_with("N "); });
    return found;
  }
  Login::Server server() {
    return {.settings = settings,
            .reported_settings = reported,
            .newest_protocol = newest_protocol,
            .wal_senders = wal_senders,
            .max_wal_senders = 2,
            .console_clients = has_console ? &console_clients : nullptr,
            .max_console_connections = console_max,
            .major_version = major_version};
  }

  const wal::Identity identity{
      .system_identifier = 1, .segment_size = {}, .page_magic = wal::page_magic(18).value()};
  settings::Settings settings;
  std::vector<std::string_view> reported = settings::reported_settings(identity);
  std::uint32_t newest_protocol = wire::kProtocolVersion;
  runtime::Gauge wal_senders;
  runtime::Gauge console_clients;
  bool has_console = false;
  std::int64_t console_max = 1;
  bool too_many = false;
  int major_version = 16;
  std::vector<std::byte> answer;
  Lines lines;
};

// CVE-2021-23214: checked even though the answer is N. PostgreSQL 15 has GSSAPI.
TEST_F(LoginTest, RefusesWhatCameBeforeTheAnswerWasRead) {
  Login login(1, false, {});
  EXPECT_EQ(take(login, tests::bytes("04d21630"), /*more_bytes_follow=*/true), Next::kRefused);
  ASSERT_EQ(answer.at(0), std::byte{'N'});
  EXPECT_THAT(tests::describe(std::span(answer).subspan(1)),
              ElementsAre("E FATAL 08P01 received unencrypted data after GSSAPI encryption request "
                          "/ This could be either a client-software bug or evidence of an "
                          "attempted man-in-the-middle attack."));
}

TEST_F(LoginTest, GoesOnAfterEncryptionOfBothKindsWasDeclined) {
  Login login(1, false, {});
  for (const std::string_view request : {"04d21630", "04d2162f"}) {
    EXPECT_EQ(take(login, tests::bytes(request)), Next::kMore);
    EXPECT_EQ(answer, tests::bytes("\"N\""));
  }
  EXPECT_EQ(take(login, packet({"user", "u", "replication", "1"})), Next::kIn);
}

TEST_F(LoginTest, ACancelRequestIsKeptWhenItsPacketIsGone) {
  Login login(1, false, {});
  EXPECT_EQ(take(login, tests::bytes("04d2162e 00001267 deadbeef")), Next::kCancelled);
  EXPECT_TRUE(answer.empty());
  const wire::CancelRequest& request = login.cancel_request();
  EXPECT_EQ(request.process_id, 0x1267u);
  const auto key = tests::bytes("deadbeef");
  EXPECT_TRUE(std::equal(request.key.begin(), request.key.end(), key.begin(), key.end()));
}

TEST_F(LoginTest, WithoutAConsoleServesPhysicalReplicationOnly) {
  for (const auto& words : {Words{"user", "u"}, Words{"user", "u", "replication", "off"},
                            Words{"user", "u", "replication", "database"}}) {
    Login login(1, false, {});
    EXPECT_EQ(take(login, packet(words)), Next::kRefused);
    EXPECT_THAT(lines, ElementsAre("R 0",
                                   "E FATAL 0A000 this server takes physical replication "
                                   "connections only / walcast has no databases. Connect with "
                                   "\"replication=true\"."));
  }
  EXPECT_EQ(wal_senders.get(), 0);
}

TEST_F(LoginTest, ANormalConnectionIsLetInWhereThereIsAConsole) {
  has_console = true;
  for (const auto& words : {Words{"user", "u"}, Words{"user", "u", "replication", "off"}}) {
    Login login(1, false, {});
    ASSERT_EQ(take(login, packet(words)), Next::kIn);
    EXPECT_EQ(lines.front(), "R 0");
    EXPECT_EQ(lines.back(), "Z I");
    EXPECT_THAT(lines, Contains("S client_encoding=UTF8"));
    EXPECT_THAT(lines, Contains("S server_encoding=UTF8"));
    const Login::Entry entry = login.take_entry();
    EXPECT_TRUE(entry.is_console);
    EXPECT_EQ(entry.client.database, "u") << "it names none";
    EXPECT_EQ(console_clients.get(), 1);
  }
  EXPECT_EQ(console_clients.get(), 0);
  EXPECT_EQ(wal_senders.get(), 0);
  Login walsender(1, false, {});
  ASSERT_EQ(take(walsender, packet({"user", "u", "replication", "1"})), Next::kIn);
  EXPECT_FALSE(walsender.take_entry().is_console);
}

TEST_F(LoginTest, ANormalConnectionMayNameAnyDatabaseAndEncoding) {
  has_console = true;
  Login login(1, false, {});
  ASSERT_EQ(take(login, packet({"database", "some", "user", "u", "client_encoding", "LATIN1"})),
            Next::kIn);
  EXPECT_EQ(login.take_entry().client.database, "some");
  EXPECT_THAT(lines, Contains("S client_encoding=LATIN1"));
}

TEST_F(LoginTest, OneNormalConnectionTooManyIsToldSoBeforeItIsAuthenticated) {
  has_console = true;
  Login first(1, false, {});
  ASSERT_EQ(take(first, packet({"user", "u"})), Next::kIn);
  Login second(1, false, {});
  EXPECT_EQ(take(second, packet({"user", "u"})), Next::kRefused);
  EXPECT_THAT(lines, ElementsAre("E FATAL 53300 sorry, too many clients already"));
  EXPECT_TRUE(enter({}).has_value()) << "standbys are counted apart";
}

TEST_F(LoginTest, ALogicalWalsenderIsRefusedWithAConsoleToo) {
  has_console = true;
  Login login(1, false, {});
  EXPECT_EQ(take(login, packet({"user", "u", "replication", "database"})), Next::kRefused);
  EXPECT_EQ(lines.back().substr(0, 15), "E FATAL 0A000 t");
}

TEST_F(LoginTest, NoNormalConnectionIsLetInWhereNoneMayBe) {
  has_console = true;
  console_max = 0;
  Login login(1, false, {});
  EXPECT_EQ(take(login, packet({"user", "u"})), Next::kRefused);
  EXPECT_EQ(lines.front(), "R 0");
}

// PostgreSQL 17 has begun to quote the names of settings in errors.
TEST_F(LoginTest, OneWalsenderTooManyIsToldSoInTheWordsOfItsVersion) {
  const auto first = enter({});
  const auto second = enter({});
  for (const auto& [version, name] :
       {std::pair(16, "max_wal_senders"), std::pair(17, "\"max_wal_senders\"")}) {
    major_version = version;
    EXPECT_FALSE(enter({}).has_value());
    EXPECT_THAT(lines,
                ElementsAre("E FATAL 53300 number of requested standby connections exceeds " +
                            std::string(name) + " (currently 2)"));
  }
}

// A health check asks for no replication, and looks for AuthenticationOk.
TEST_F(LoginTest, AClientThatWantsNoWalsenderIsNoneTooMany) {
  const auto first = enter({});
  const auto second = enter({});
  Login check(1, false, {});
  EXPECT_EQ(take(check, packet({"user", "haproxy"})), Next::kRefused);
  EXPECT_EQ(lines.at(0), "R 0");
  Login logical(1, false, {});
  EXPECT_EQ(take(logical, packet({"user", "u", "replication", "database"})), Next::kRefused);
  EXPECT_THAT(lines, ElementsAre(testing::StartsWith("E FATAL 53300 number of requested")));
}

TEST_F(LoginTest, AClientHasASeatFromWhenItIsInUntilItsEntryDies) {
  {
    const auto first = enter({});
    const auto second = enter({});
    ASSERT_TRUE(second.has_value());
    EXPECT_EQ(wal_senders.get(), 2);
    EXPECT_FALSE(enter({}).has_value());
    EXPECT_THAT(lines, ElementsAre("E FATAL 53300 number of requested standby connections exceeds "
                                   "max_wal_senders (currently 2)"))
        << "before AuthenticationOk";
    EXPECT_EQ(wal_senders.get(), 2) << "a client that was refused keeps no room from another one";
  }
  EXPECT_EQ(wal_senders.get(), 0);
}

TEST_F(LoginTest, AParameterThatIsWrongIsSaidAfterAuthenticationAndTakesNoSeat) {
  EXPECT_FALSE(enter({"no_such", "x"}).has_value());
  EXPECT_THAT(lines,
              ElementsAre("R 0", "E FATAL 42704 unrecognized configuration parameter \"no_such\""));
  EXPECT_EQ(wal_senders.get(), 0);
}

TEST_F(LoginTest, AServerWithoutRoomSaysSoOnceItKnowsTheClient) {
  too_many = true;
  EXPECT_FALSE(enter({"no_such", "x"}).has_value());
  EXPECT_THAT(lines, ElementsAre("E FATAL 53300 sorry, too many clients already"));
  EXPECT_EQ(wal_senders.get(), 0);
}

TEST_F(LoginTest, KeysAreLongOnlyIfClientAndServerSpeak32) {
  EXPECT_EQ(enter({}, "00030002")->key.bytes().size(), CancelKey::kShortBytes);
  EXPECT_EQ(lines.front(), "v 3.0");
  newest_protocol = wire::kProtocolVersion32;
  EXPECT_EQ(enter({}, "00030002")->key.bytes().size(), CancelKey::kLongBytes);
  EXPECT_EQ(lines.front(), "R 0");
  EXPECT_EQ(enter({}, "00030000")->key.bytes().size(), CancelKey::kShortBytes);
}

TEST_F(LoginTest, CutsTheUserTo63BytesWithoutAWord) {
  const std::string name(70, 'x');
  const auto entry = enter({"user", name});
  ASSERT_TRUE(entry.has_value());
  EXPECT_EQ(entry->client.user, "u") << "the last one counts";
  Login login(1, false, {});
  EXPECT_EQ(take(login, packet({"user", name, "replication", "true"})), Next::kIn);
  EXPECT_EQ(login.take_entry().client.user, std::string(63, 'x'));
  EXPECT_TRUE(notices().empty());
}

TEST_F(LoginTest, CutsNamesTo63BytesAndNoticesIt) {
  const std::string name(64, 'n');
  EXPECT_EQ(enter({"application_name", name})->client.application_name(), name.substr(0, 63));
  EXPECT_THAT(notices(), ElementsAre(notice_of(name)));
  const std::string options = "-c application_name=" + name + " -c role=" + name + "x";
  enter({"default_tablespace", name + "y", "options", options});
  EXPECT_THAT(notices(),
              ElementsAre(notice_of(name), notice_of(name + "x"), notice_of(name + "y")));
  enter({"application_name", name.substr(1), "search_path", name, "database", name});
  EXPECT_TRUE(notices().empty());
}

TEST_F(LoginTest, ClientMinMessagesForbidsNoticesFromThenOn) {
  const std::string name(64, 'n');
  for (const char* least : {"warning", "ERROR"}) {
    enter({"client_min_messages", least, "application_name", name});
    EXPECT_TRUE(notices().empty()) << least;
    enter({"application_name", name, "client_min_messages", least});
    EXPECT_THAT(notices(), ElementsAre(notice_of(name))) << least;
  }
  for (const char* least : {"notice", "log", "debug5"}) {
    enter({"client_min_messages", least, "application_name", name});
    EXPECT_THAT(notices(), ElementsAre(notice_of(name))) << least;
  }
}

// It is cut at the byte before what it may not show is replaced.
TEST_F(LoginTest, CutsAnApplicationNameWhereverACharacterIs) {
  const std::string name = std::string(62, 'n') + "\u00e9";
  EXPECT_EQ(enter({"application_name", name})->client.application_name(),
            std::string(62, 'n') + "?");
  EXPECT_THAT(notices(), ElementsAre(notice_of(name)));
}

// PostgreSQL 15 takes the switch, and then sends what it has to say for debugging.
TEST_F(LoginTest, TakesTheSwitchForDebugging) {
  EXPECT_TRUE(enter({"options", "-d 3 -n"}).has_value());
  const auto entry = enter({"options", "-d -- -c application_name=y"});
  ASSERT_TRUE(entry.has_value());
  EXPECT_EQ(entry->client.application_name(), "y") << "a value may look like the end";
}

TEST_F(LoginTest, GreetsWithTheSessionsParameters) {
  const auto entry = enter({"application_name", "standby1", "client_encoding", "UTF8"});
  ASSERT_TRUE(entry.has_value());
  ASSERT_EQ(lines.size(), 1u + 15u + 2u);
  EXPECT_EQ(lines[0], "R 0");
  EXPECT_TRUE(lines[16].starts_with("K 4711 ")) << lines[16];
  EXPECT_EQ(lines[17], "Z I");
  for (const char* line :
       {"S application_name=standby1", "S client_encoding=UTF8", "S server_encoding=SQL_ASCII",
        "S session_authorization=u", "S integer_datetimes=on", "S in_hot_standby=off",
        "S default_transaction_read_only=off", "S TimeZone=UTC", "S DateStyle=ISO, MDY",
        "S scram_iterations=4096", "S search_path=\"$user\", public"}) {
    EXPECT_THAT(lines, Contains(line));
  }
}

}  // namespace
}  // namespace server::session

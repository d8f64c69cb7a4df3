#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <future>
#include <thread>

#include "runtime/socket.h"
#include "tests/session/session_rig.h"

// The loop of PostgresMain as a walsender runs it, outside of COPY: message by message.

namespace tests {

namespace {

struct CommandLoopTest : SessionTest {
  // Sends, and returns the types of what comes up to ReadyForQuery.
  std::string answer(std::string_view bytes) {
    client.send(bytes);
    messages = client.until('Z');
    return types_of(messages);
  }
  void expect_error(std::string_view code, std::string_view text) {
    const auto error = std::find_if(messages.begin(), messages.end(),
                                    [](const Message& message) { return message.type == 'E'; });
    ASSERT_NE(error, messages.end());
    EXPECT_EQ(field(*error, 'S'), "ERROR");
    EXPECT_EQ(field(*error, 'C'), code);
    EXPECT_EQ(field(*error, 'M'), text);
  }
  // What is said, FATAL, before the connection ends.
  void expect_fatal(std::string_view bytes, std::string_view text) {
    client.send(bytes);
    const auto last = client.to_end();
    ASSERT_EQ(types_of(last), "E");
    EXPECT_EQ(field(last[0], 'S'), "FATAL");
    EXPECT_EQ(field(last[0], 'C'), "08P01");
    EXPECT_EQ(field(last[0], 'M'), text);
  }

  ReadyClient client{server};
  std::vector<Message> messages;
};

TEST_F(CommandLoopTest, ACommandIsAnsweredAndTheLoopGoesOn) {
  for (int i = 0; i < 3; ++i) EXPECT_EQ(answer(query("IDENTIFY_SYSTEM")), "TDCZ");
}

TEST_F(CommandLoopTest, AnythingElseIsSql) {
  for (const char* text : {"", " ", ";", "SELECT 1", "identify_system", "-- IDENTIFY_SYSTEM"}) {
    EXPECT_EQ(answer(query(text)), "EZ") << text;
    expect_error("0A000", "cannot execute SQL commands in WAL sender for physical replication");
  }
}

TEST_F(CommandLoopTest, AQueryIsOneStringAndNothingBehindIt) {
  EXPECT_EQ(answer(client_message('Q', "IDENTIFY_SYSTEM")), "EZ");
  expect_error("08P01", "invalid string in message");
  EXPECT_EQ(answer(client_message('Q', std::string("IDENTIFY_SYSTEM\0x", 17))), "EZ");
  expect_error("08P01", "invalid message format");
}

// Before what is behind the string.
TEST_F(CommandLoopTest, AQueryIsTextInTheClientsEncoding) {
  EXPECT_EQ(answer(query("SHOW \"\xff\"")), "EZ") << "any byte is text in SQL_ASCII";
  expect_error("42704", "unrecognized configuration parameter \"\xff\"");
  TestClient utf8(server.port());
  auto parameters = walreceiver_parameters();
  parameters.emplace_back("client_encoding", "UTF8");
  utf8.send(startup_packet(parameters));
  utf8.until('Z');
  std::string long_name = "x";
  while (long_name.size() < 70) long_name += "\u2603";
  for (const auto& [body, text] :
       {std::pair(std::string("SHOW \"\xe9\"\0x", 10),
                  "invalid byte sequence for encoding \"UTF8\": 0xe9 0x22"),
        std::pair(std::string("SELECT '\xff'\0", 11),
                  "invalid byte sequence for encoding \"UTF8\": 0xff"),
        std::pair("SHOW " + long_name + '\0',
                  "invalid byte sequence for encoding \"UTF8\": 0xe2 0x98 0x22")}) {
    utf8.send(client_message('Q', body));
    messages = utf8.until('Z');
    EXPECT_EQ(types_of(messages), "EZ") << "a notice that is cut in a character is none either";
    expect_error("22021", text);
  }
}

TEST_F(CommandLoopTest, ANoticeComesBeforeAnErrorOfTheSameCommand) {
  const std::string longer(64, 'x');
  for (const std::string& text : {"SHOW " + longer + " x", longer + " x"}) {
    EXPECT_EQ(answer(query(text)), "NEZ") << text;
  }
  TestClient deaf(server.port());
  auto parameters = walreceiver_parameters();
  parameters.emplace_back("client_min_messages", "error");
  deaf.send(startup_packet(parameters));
  deaf.until('Z');
  deaf.send(query("SHOW " + longer));
  EXPECT_EQ(types_of(deaf.until('Z')), "EZ") << "it wants no notices";
}

TEST_F(CommandLoopTest, ASyntaxErrorEndsTheCommandOnly) {
  EXPECT_EQ(answer(query("IDENTIFY_SYSTEM IDENTIFY_SYSTEM")), "EZ");
  expect_error("42601", "syntax error");
  EXPECT_EQ(answer(query("SHOW wal_segment_size")), "TDCZ");
}

TEST_F(CommandLoopTest, ExtendedQueriesAreSkippedToSync) {
  for (const char type : {'P', 'B', 'E', 'C', 'D'}) {
    client.send(client_message(type, "whatever") + query("IDENTIFY_SYSTEM") +
                client_message('H', "") + client_message('F', "x"));
    const Message error = client.next();
    EXPECT_EQ(field(error, 'M'),
              "extended query protocol not supported in a replication connection");
    EXPECT_EQ(answer(client_message('S', "")), "Z") << "what was skipped is not answered";
    EXPECT_EQ(answer(query("IDENTIFY_SYSTEM")), "TDCZ");
  }
}

TEST_F(CommandLoopTest, AFunctionCallIsRefusedAndTheServerIsReadyAtOnce) {
  EXPECT_EQ(answer(client_message('F', "x")), "EZ");
  expect_error("08P01", "fastpath function calls not supported in a replication connection");
}

TEST_F(CommandLoopTest, FlushAnswersNothingAndSyncIsReady) {
  EXPECT_EQ(answer(client_message('H', "") + client_message('S', "")), "Z");
}

TEST_F(CommandLoopTest, FlushWithABodySkipsToSync) {
  client.send(client_message('H', "x") + query("IDENTIFY_SYSTEM"));
  EXPECT_EQ(field(client.next(), 'M'), "invalid message format");
  EXPECT_EQ(answer(client_message('S', "")), "Z");
}

TEST_F(CommandLoopTest, SyncWithABodyIsAnErrorAndReady) {
  EXPECT_EQ(answer(client_message('S', "x")), "EZ");
  expect_error("08P01", "invalid message format");
  EXPECT_EQ(answer(query("IDENTIFY_SYSTEM")), "TDCZ");
}

TEST_F(CommandLoopTest, LeftOversOfACopyAreIgnored) {
  EXPECT_EQ(answer(client_message('d', "x") + client_message('c', "") + client_message('f', "x") +
                   client_message('S', "")),
            "Z");
}

// A query has room for thousands of names, and each had a notice that repeats it.
TEST_F(CommandLoopTest, ACommandHasAFewNoticesOfMany) {
  std::string text = "SHOW ";
  for (int i = 0; i < 1'000; ++i) text += std::string(70, 'n') + " ";
  client.send(query(text));
  const auto answer = types_of(client.until('Z'));
  EXPECT_LE(std::count(answer.begin(), answer.end(), 'N'), 10) << answer.size();
}

TEST_F(CommandLoopTest, TerminateClosesEvenTwice) {
  client.send(client_message('X', "") + client_message('X', "body"));
  EXPECT_TRUE(client.ends());
}

TEST_F(CommandLoopTest, AnUnknownTypeIsFatalBeforeItsLengthIsLookedAt) {
  expect_fatal("p", "invalid frontend message type 112");
}

TEST_F(CommandLoopTest, AZeroByteIsAnUnknownType) {
  expect_fatal(std::string_view("\0", 1), "invalid frontend message type 0");
}

TEST_F(CommandLoopTest, AnImpossibleLengthClosesWithoutAWord) {
  for (const auto& bytes : {std::string("Q\0\0\0\3", 5), std::string("S\0\0\x27\x11", 5),
                            std::string("Q\x40\0\0\0", 5)}) {
    ReadyClient other(server);
    other.send(bytes);
    EXPECT_TRUE(other.ends());
  }
}

TEST_F(CommandLoopTest, PipelinedCommandsAreAnsweredInOrderEachWithItsReady) {
  std::string bytes;
  for (int i = 0; i < 50; ++i) bytes += query("IDENTIFY_SYSTEM") + query("nonsense");
  client.send(bytes);
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(types_of(client.until('Z')), "TDCZ");
    EXPECT_EQ(types_of(client.until('Z')), "EZ");
  }
}

TEST_F(CommandLoopTest, ACommandMayComeByteByByte) {
  for (const char c : query("IDENTIFY_SYSTEM")) client.send(std::string_view(&c, 1));
  EXPECT_EQ(types_of(client.until('Z')), "TDCZ");
}

// More answers than the server keeps: it stops reading until they are taken.
TEST_F(CommandLoopTest, AClientThatDoesNotReadItsAnswersIsNotReadFrom) {
  ReadyClient slow(server, /*receive_buffer_bytes=*/4096);
  constexpr int kCommands = 1500;
  std::string bytes;
  for (int i = 0; i < kCommands; ++i) bytes += query("SHOW all");
  std::thread sender([&] { slow.send(bytes); });
  for (int i = 0; i < kCommands; ++i) {
    const auto answered = slow.until('Z');
    if (answered.back().type != 'Z') {
      ADD_FAILURE() << "the connection ended after " << i;
      break;
    }
  }
  sender.join();
}

// A burst of one client's commands was answered as a whole before any other client was looked at.
TEST_F(CommandLoopTest, OneClientsCommandsAreAFewOfATurn) {
  constexpr std::size_t kCommands = 10'000;
  constexpr std::size_t kAnswerBytes = 6;  // of ReadyForQuery
  std::promise<void> sent;
  // It takes more than a turn's time, so that the next task runs after the events of its turn.
  server.post_to_worker([&sent] {
    sent.get_future().wait();
    const auto end = std::chrono::steady_clock::now() + 2 * runtime::Loop::Options().turn_time;
    while (std::chrono::steady_clock::now() < end) continue;
  });
  std::promise<int> answered;
  server.post_to_worker([&] {
    int bytes = 0;
    EXPECT_EQ(::ioctl(client.fd(), FIONREAD, &bytes), 0);
    answered.set_value(bytes);
  });
  std::string bytes;
  for (std::size_t i = 0; i < kCommands; ++i) bytes += client_message('S', "");
  client.send(bytes);
  sent.set_value();
  const int in_a_turn = answered.get_future().get();
  EXPECT_GT(in_a_turn, 0) << "its turn has not come";
  EXPECT_LT(in_a_turn, 100 * kAnswerBytes);
  for (std::size_t i = 0; i < kCommands; ++i) ASSERT_EQ(types_of(client.until('Z')), "Z") << i;
  EXPECT_EQ(answer(query("IDENTIFY_SYSTEM")), "TDCZ");
}

// The server is in this process, and so is its end of the connection.
int servers_end(const TestClient& client) {
  const std::uint16_t port = runtime::local_address(client.fd()).port();
  for (int fd = 0; fd < 1024; ++fd) {
    runtime::SocketAddress peer{.size = sizeof(sockaddr_storage)};
    const bool connected =
        ::getpeername(fd, reinterpret_cast<sockaddr*>(&peer.storage), &peer.size) == 0;
    if (connected && peer.is_loopback() && peer.port() == port) return fd;
  }
  return -1;
}

// What was not in the socket yet was lost.
TEST_F(CommandLoopTest, AClientThatClosesItsSideStillGetsItsAnswers) {
  ReadyClient slow(server, /*receive_buffer_bytes=*/4096);
  const int send_buffer_bytes = 4096;
  ASSERT_EQ(::setsockopt(servers_end(slow), SOL_SOCKET, SO_SNDBUF, &send_buffer_bytes,
                         sizeof(send_buffer_bytes)),
            0);
  slow.send(query("SHOW all"));
  std::size_t answer_bytes = 0;
  for (const Message& message : slow.until('Z')) answer_bytes += 5 + message.body.size();
  const std::size_t commands = 240 * 1024 / answer_bytes;  // fewer would not be read any more
  std::string bytes;
  for (std::size_t i = 0; i < commands; ++i) bytes += query("SHOW all");
  slow.send(bytes);
  ASSERT_EQ(::shutdown(slow.fd(), SHUT_WR), 0);
  server.run_in_worker([] {});
  std::size_t ready = 0;
  for (const Message& message : slow.to_end()) ready += message.type == 'Z';
  EXPECT_EQ(ready, commands);
}

TEST_F(CommandLoopTest, ALargeMessageIsTakenUpToTheLimitOfItsType) {
  constexpr std::size_t kLengthBytes = 4;
  EXPECT_EQ(answer(client_message('F', std::string((1 << 20) - kLengthBytes, ' '))), "EZ");
  constexpr std::size_t kLargestQuery = 256 * 1024 - kLengthBytes;
  std::string blanks(kLargestQuery - 1, ' ');
  blanks.push_back('\0');
  EXPECT_EQ(answer(client_message('Q', blanks)), "EZ");
  client.send(client_message('Q', std::string(kLargestQuery + 1, ' ')).substr(0, 5));
  EXPECT_TRUE(client.ends());
}

}  // namespace

}  // namespace tests

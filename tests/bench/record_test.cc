#include "bench/trace/record_command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "bench/walbench/fleet.h"
#include "server/wal/trace.h"
#include "tests/bench/fake_server.h"
#include "tests/support/temp_dir.h"

namespace bench::trace {
namespace {

using testing::HasSubstr;
using walbench::FakeServer;
using walbench::Peer;

constexpr std::uint64_t kEnd = 0x1000028;  // of the fake server's WAL

struct RecordTest : ::testing::Test {
  walbench::Tally record(FakeServer::Script script) {
    FakeServer server(1, [&](Peer& peer) {
      peer.log_in();
      command = peer.command();
      script(peer);
    });
    walbench::Options options;
    options.port = server.port();
    options.threads = 1;
    options.record_file = file;
    options.groups.front().start.kind = behaviour::StartPoint::Kind::kEnd;
    options.duration = duration;
    walbench::Fleet fleet(options);
    const auto outcome = fleet.run();
    EXPECT_TRUE(outcome.has_value());
    const walbench::Recorder* recorder = fleet.workers().front().recorder();
    EXPECT_NE(recorder, nullptr);
    if (recorder->trace() != nullptr) {
      text = to_text(*recorder);
      json = to_json(*recorder);
    }
    return outcome->tally;
  }
  // The sizes of the messages; none if the file is no trace.
  std::vector<std::uint64_t> sizes() const {
    std::vector<std::uint64_t> sizes;
    const auto reader = server::wal::TraceReader::open(file);
    EXPECT_TRUE(reader.has_value());
    if (!reader.has_value()) return sizes;
    runtime::Duration last{};
    for (auto message = (*reader)->next(); message.has_value() && message->has_value();
         message = (*reader)->next()) {
      EXPECT_GE((*message)->at, last);
      last = (*message)->at;
      sizes.push_back((*message)->bytes);
    }
    EXPECT_GE((*reader)->totals().duration, last);
    EXPECT_EQ((*reader)->origin().segment_bytes, 1u << 20);
    EXPECT_EQ((*reader)->origin().begin_offset, 0x28u);
    return sizes;
  }

  const tests::TempDir directory;
  std::string file = directory.file("trace");
  std::optional<runtime::Duration> duration;
  std::string command;
  std::string text;
  std::string json;
};

// One send has two messages, and one message comes in many reads.
TEST_F(RecordTest, EachMessageIsKeptWithItsSize) {
  const walbench::Tally tally = record([](Peer& peer) {
    peer.send_wal(kEnd, "12345");
    peer.send_keepalive(false);
    peer.send_wal(kEnd + 5, std::string(300'000, 'w'));
    peer.send_keepalive(true);
    peer.send_wal(kEnd + 300'005, "");
    peer.send_wal(kEnd + 300'005, "1");
    peer.send_copy_done();
    peer.receive('c');
    peer.send_stream_end();
    peer.receive('X');
  });
  EXPECT_EQ(command, "START_REPLICATION PHYSICAL 0/1000028 TIMELINE 1");
  EXPECT_EQ(tally.completed, 1u);
  EXPECT_THAT(sizes(), testing::ElementsAre(5u, 300'000u, 0u, 1u));
  EXPECT_THAT(text, HasSubstr("\n  messages      4, "));
  EXPECT_THAT(text, HasSubstr("max 293.0 kB\n"));
  EXPECT_THAT(json, HasSubstr("\"messages\": 4, \"bytes\": 300006, "));
}

TEST_F(RecordTest, AStreamThatIsLostLeavesATraceOfWhatCame) {
  const walbench::Tally tally = record([](Peer& peer) { peer.send_wal(kEnd, "12345"); });
  EXPECT_EQ(tally.completed, 0u);
  EXPECT_EQ(tally.failures.total(), 1u);
  EXPECT_THAT(sizes(), testing::ElementsAre(5u));
}

TEST_F(RecordTest, TheDurationEndsItInGoodOrder) {
  duration = std::chrono::milliseconds(1500);  // within which it logs in
  const walbench::Tally tally = record([](Peer& peer) {
    peer.receive('c');
    peer.send_stream_end();
    peer.receive('X');
  });
  EXPECT_EQ(tally.completed, 1u);
  EXPECT_TRUE(sizes().empty());
}

TEST_F(RecordTest, AFileThatCannotBeMadeIsAFailure) {
  file = directory.file("missing") + "/trace";
  const walbench::Tally tally = record([](Peer& peer) { peer.receive('X'); });
  EXPECT_EQ(tally.completed, 0u);
  ASSERT_EQ(tally.failures.total(), 1u);
  EXPECT_THAT(tally.failures.by_reason().begin()->first, HasSubstr(file));
}

std::variant<RecordOptions, walbench::ExitStatus> parse(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "record");
  return parse_record_options(static_cast<int>(arguments.size()), arguments.data());
}

TEST(RecordOptionsTest, AFileMustBeNamed) {
  EXPECT_TRUE(std::holds_alternative<walbench::ExitStatus>(parse({})));
  const auto parsed = parse({"--output", "t"});
  ASSERT_TRUE(std::holds_alternative<RecordOptions>(parsed));
  const auto& options = std::get<RecordOptions>(parsed).standby;
  EXPECT_EQ(options.record_file, "t");
  EXPECT_EQ(options.standbys(), 1u);
  EXPECT_EQ(options.threads, 1u);
  EXPECT_EQ(options.groups.front().start.kind, behaviour::StartPoint::Kind::kEnd);
  EXPECT_FALSE(options.duration.has_value());
}

TEST(RecordOptionsTest, EverythingCanBeGiven) {
  const auto parsed =
      parse({"--host", "::1", "--port", "6000", "--user", "u", "--sslmode", "require", "--output",
             "t", "--duration", "2min", "--start", "0/10", "--json", "--progress"});
  ASSERT_TRUE(std::holds_alternative<RecordOptions>(parsed));
  const auto& [standby, json] = std::get<RecordOptions>(parsed);
  EXPECT_TRUE(json && standby.progress);
  EXPECT_EQ(standby.host + standby.user + standby.ssl_mode, "::1urequire");
  EXPECT_EQ(standby.port, 6000);
  EXPECT_EQ(standby.start, server::wal::Lsn(0x10));
  EXPECT_EQ(standby.duration, std::chrono::minutes(2));
}

}  // namespace
}  // namespace bench::trace

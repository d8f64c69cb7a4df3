#include "server/source/upstream.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <chrono>
#include <cstring>
#include <optional>
#include <string>
#include <thread>

#include "runtime/format.h"
#include "server/wire/errors.h"
#include "tests/runtime/arrival_notes.h"
#include "tests/source/scripted_server.h"
#include "tests/support/temp_dir.h"
#include "tests/support/test_server.h"
#include "tests/wal/growing_wal.h"

namespace tests {

using runtime::format;
using server::source::Upstream;

namespace {

// A socket that listens, so that connections to it are made, and is never read.
class Listener {
 public:
  Listener() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    listen_at(reinterpret_cast<const sockaddr*>(&address), sizeof(address));
    socklen_t size = sizeof(address);
    CHECK(::getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0);
    port_ = ntohs(address.sin_port);
  }
  explicit Listener(const std::string& path)
      : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    CHECK(path.size() < sizeof(address.sun_path));
    std::memcpy(address.sun_path, path.data(), path.size());
    listen_at(reinterpret_cast<const sockaddr*>(&address), sizeof(address));
  }

  int port() const { return port_; }

 private:
  void listen_at(const sockaddr* address, socklen_t size) const {
    CHECK(::bind(fd_.get(), address, size) == 0);
    CHECK(::listen(fd_.get(), 8) == 0);
  }

  runtime::UniqueFd fd_;
  int port_ = 0;
};

struct UpstreamTest : ::testing::Test, GrowingWal {
  UpstreamTest() {
    grow(10'000);
    primary.emplace(directory.path(), identity, TestServer::Options{});
    primary->serve(begin(), end());
  }
  // To the first address of the first host.
  runtime::Result<void> connect(const std::string& text) {
    upstream.emplace(Upstream::Options{.conninfo = text}, clock, doorbell, stop);
    const auto conninfo = server::source::read_conninfo(text).value();
    const auto time = conninfo.host_timeout.value_or(std::chrono::seconds(10));
    const auto addresses = TRY(upstream->addresses_of(conninfo.hosts.at(0), time));
    return upstream->connect(
        conninfo, {.host = addresses.at(0), .session_attrs = conninfo.session_attrs.at(0)}, time);
  }
  std::string refusal(const std::string& text) {
    const auto connected = connect(text);
    if (connected) return "";
    EXPECT_EQ(connected.error().kind, &server::source::kUpstreamLost);
    return connected.error().what;
  }

  runtime::SystemClock clock;
  std::optional<TestServer> primary;
  runtime::Doorbell doorbell;
  runtime::Published<bool> stop;
  std::optional<Upstream> upstream;
};

TEST_F(UpstreamTest, ASilentHostHasItsTimeAndIsNamedAsLibpqNamesIt) {
  const TempDir sockets;
  const Listener silent(sockets.file(".s.PGSQL.1"));
  EXPECT_EQ(refusal(format("host={} port=1 user=u connect_timeout=2", sockets.path())),
            format("connection to server on socket \"{}/.s.PGSQL.1\" failed: timeout expired",
                   sockets.path()));
  const Listener address;
  EXPECT_EQ(
      refusal(format("host=localhost hostaddr=127.0.0.1 port={} user=u connect_timeout=2",
                     address.port())),
      format("connection to server at \"localhost\" (127.0.0.1), port {} failed: timeout expired",
             address.port()));
}

TEST_F(UpstreamTest, WhatIsWrongWithAHostIsSaidInLibpqsWords) {
  EXPECT_TRUE(refusal("host=/nowhere port=1 user=u")
                  .starts_with("connection to server on socket \"/nowhere/.s.PGSQL.1\" failed: "));
  EXPECT_EQ(refusal(format("host=localhost port={} user=u sslmode=require", primary->port())),
            format("connection to server at \"localhost\" (127.0.0.1), port {} failed: server does "
                   "not support SSL, but SSL was required",
                   primary->port()));
}

// A socket's timeouts are libpq's, as those of a PostgreSQL standby are: what cuts a connection
// that a PostgreSQL standby would keep is the conninfo's to ask for.
TEST_F(UpstreamTest, TheKernelDoesNotCutItUnlessConninfoSaysWhen) {
  const auto user_timeout = [this](const std::string& more) {
    EXPECT_TRUE(connect(format("host=127.0.0.1 port={} user=u {}", primary->port(), more)));
    int value = -1;
    socklen_t size = sizeof(value);
    CHECK(::getsockopt(upstream->socket(), IPPROTO_TCP, TCP_USER_TIMEOUT, &value, &size) == 0);
    return value;
  };
  EXPECT_EQ(user_timeout(""), 0);
  EXPECT_EQ(user_timeout("tcp_user_timeout=7000"), 7000);
}

// However late its thread comes.
TEST_F(UpstreamTest, AMessageHasArrivedWhenTheKernelHadIt) {
  const ArrivalNotes notes;
  ASSERT_TRUE(connect(format("host=127.0.0.1 port={} user=u sslmode=disable", primary->port())));
  ASSERT_TRUE(upstream->start_streaming("", end(), server::wal::TimelineId{1}));
  const auto before = clock.now();
  grow(500);
  primary->publish(end());
  pollfd readable{.fd = upstream->socket(), .events = POLLIN, .revents = 0};
  ASSERT_EQ(::poll(&readable, 1, 10'000), 1);
  const auto there = clock.now();
  while (clock.now() - there < std::chrono::milliseconds(2)) std::this_thread::yield();
  ASSERT_TRUE(upstream->wait(std::chrono::seconds(10)));
  const auto received = upstream->receive();
  ASSERT_TRUE(received.has_value() && received->message.has_value());
  EXPECT_GE(upstream->arrived(), before);
  EXPECT_LE(upstream->arrived(), there);
}

TEST_F(UpstreamTest, ItsOwnerNeedNotWaitForAHost) {
  const Listener silent;
  stop.store(true);
  doorbell.ring();
  const auto connected = connect(format("host=127.0.0.1 port={} user=u", silent.port()));
  ASSERT_FALSE(connected);
  EXPECT_EQ(connected.error().kind, &server::wire::kQueryCanceled);
}

// libpq has a COPY begin again and again until it is ended, so an answer that is one had no end.
TEST_F(UpstreamTest, AnAnswerThatBeginsACopyEndsTheCommand) {
  const auto refused_as_answer = [this](char copy, auto ask) {
    ScriptedServer falsified;
    falsified.answer(ready(), backend_message(copy, std::string(3, '\0')));
    ASSERT_EQ(refusal(falsified.conninfo()), "") << copy;
    const auto asked = ask();
    ASSERT_FALSE(asked) << copy;
    EXPECT_EQ(asked.error().kind, &server::wire::kProtocolViolation) << copy;
    EXPECT_TRUE(asked.error().what.starts_with("invalid response from primary server to "))
        << asked.error().what;
    upstream->disconnect();
  };
  for (const char copy : {'G', 'H', 'W'}) {  // in, out, both
    refused_as_answer(copy, [this] { return upstream->identify(); });
    refused_as_answer(copy, [this] { return upstream->history_file(server::wal::TimelineId{2}); });
    refused_as_answer(copy, [this] { return upstream->slot_restart_lsn("slot"); });
    refused_as_answer(copy, [this] { return upstream->cluster_facts(); });
  }
  for (const char copy : {'G', 'H'}) {
    refused_as_answer(copy, [this] {
      return upstream->start_streaming("", begin(), server::wal::TimelineId{1});
    });
    refused_as_answer(copy, [this] { return upstream->create_slot("slot"); });
  }
}

}  // namespace
}  // namespace tests

#include "server/source/upstream.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>
#include <optional>
#include <string>

#include "runtime/format.h"
#include "runtime/thread.h"
#include "server/wire/errors.h"
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
  void accept_and_close() const {
    const runtime::UniqueFd accepted(::accept4(fd_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  }

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
  Upstream& to(const std::string& conninfo) {
    return upstream.emplace(Upstream::Options{.conninfo = conninfo}, doorbell, stop);
  }

  std::optional<TestServer> primary;
  runtime::Doorbell doorbell;
  runtime::Published<bool> stop;
  std::optional<Upstream> upstream;
};

TEST_F(UpstreamTest, TheErrorTellsOfEachHost) {
  const TempDir sockets;
  const Listener silent(sockets.file(".s.PGSQL.1"));
  const std::string hosts = sockets.path() + ",/nowhere,localhost";
  const auto connected =
      to(format("host={} port=1,1,{} user=u connect_timeout=2 target_session_attrs=standby"
                " sslmode=require",
                hosts, primary->port()))
          .connect();
  ASSERT_FALSE(connected);
  const std::string& what = connected.error().what;
  EXPECT_EQ(connected.error().kind, &server::source::kUpstreamLost);
  EXPECT_TRUE(
      what.starts_with(format("connection to server on socket \"{}/.s.PGSQL.1\" failed: "
                              "timeout expired\nconnection to server on socket \"/nowhere",
                              sockets.path())))
      << what;
  EXPECT_TRUE(what.ends_with("server does not support SSL, but SSL was required")) << what;
}

// libpq by itself would give up: the connection was made, and only then was anything wrong.
TEST_F(UpstreamTest, AHostThatEndsTheConnectionIsLeftForTheNext) {
  const Listener proxy;
  runtime::NamedThread closer("closer", [&](memctx::Context&) { proxy.accept_and_close(); });
  const auto connected = to(format("host=127.0.0.1,127.0.0.1 port={},{} user=u sslmode=disable",
                                   proxy.port(), primary->port()))
                             .connect();
  closer.join();
  ASSERT_TRUE(connected) << connected.error().what;
  EXPECT_EQ(upstream->server(), format("host=127.0.0.1 port={}", primary->port()));
}

TEST_F(UpstreamTest, ItsOwnerNeedNotWaitForAHost) {
  const Listener silent;
  stop.store(true);
  doorbell.ring();
  const auto connected = to(format("host=127.0.0.1 port={} user=u", silent.port())).connect();
  ASSERT_FALSE(connected);
  EXPECT_EQ(connected.error().kind, &server::wire::kQueryCanceled);
}

}  // namespace
}  // namespace tests

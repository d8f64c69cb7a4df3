#include <fcntl.h>
#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <cerrno>
#include <csignal>
#include <memory>
#include <string>

#include "runtime/tls_channel.h"
#include "tests/support/certificates.h"
#include "tests/support/socket_pair.h"
#include "tests/support/tls_client.h"

// Pages that the kernel encrypts, without such a kernel: OpenSSL's function is played by the test,
// as it behaves where the kernel's sendfile has come to nothing (ssl_lib.c, SSL_sendfile).

namespace {

struct Played {
  ossl_ssize_t outcome = 0;
  int sys_errno = 0;
  off_t offset = 0;
  std::size_t bytes = 0;
};
Played played;

}  // namespace

extern "C" ossl_ssize_t SSL_sendfile(SSL* /*ssl*/, int /*file*/, off_t offset, std::size_t bytes,
                                     int /*flags*/) {
  played.offset = offset;
  played.bytes = bytes;
  if (played.outcome >= 0) return played.outcome;
  ERR_raise(ERR_LIB_SSL, SSL_R_UNINITIALIZED);
  errno = played.sys_errno;
  return played.outcome;
}

namespace runtime {
namespace {

using Status = IoResult::Status;

class TlsSendFileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ::signal(SIGPIPE, SIG_IGN);  // as the server does
    const tests::Authority authority("authority");
    const auto own = authority.issue(directory, {.common_name = "server"});
    TlsOptions options;
    options.certificate_file = own.certificate;
    options.private_key_file = own.key;
    auto context = TlsContext::load(options);
    ASSERT_TRUE(context.has_value());
    channel = std::make_unique<TlsChannel>(*context, sockets.ours.get());
    client = std::make_unique<tests::TlsClient>(sockets.peer.get(), tests::TlsClient::Options());
    for (int i = 0; i < 20 && channel->shake_hands() != TlsChannel::Step::kDone; ++i) {
      client->connect();
    }
    client->connect();
  }
  IoResult send_file(const Played& play) {
    played = play;
    return channel->send_file(/*file=*/-1, 4096, 8192);
  }
  // Whether the channel still does what it is for.
  bool sends() {
    std::string text = "still here";
    const iovec piece{text.data(), text.size()};
    if (channel->send({&piece, 1}).status != Status::kDone) return false;
    std::string received;
    return client->receive_into(received) && received == text;
  }

  tests::TempDir directory;
  tests::SocketPair sockets;
  std::unique_ptr<TlsChannel> channel;
  std::unique_ptr<tests::TlsClient> client;
};

TEST_F(TlsSendFileTest, TheKernelMayTakeAPart) {
  const IoResult result = send_file({.outcome = 100});
  EXPECT_EQ(result.status, Status::kDone);
  EXPECT_EQ(result.bytes, 100u);
  EXPECT_EQ(played.offset, 4096);
  EXPECT_EQ(played.bytes, 8192u);
  EXPECT_EQ(send_file({.outcome = 0}).status, Status::kEnd) << "the file has ended";
}

// Which is the disk's, and not the connection's: another segment can still be sent.
TEST_F(TlsSendFileTest, AFileThatCannotBeReadIsNoFailureOfTheConnection) {
  const IoResult result = send_file({.outcome = -1, .sys_errno = EIO});
  EXPECT_EQ(result.status, Status::kFailed);
  EXPECT_EQ(result.sys_errno, EIO);
  EXPECT_TRUE(channel->failure().what.empty());
  EXPECT_TRUE(sends());
}

// OpenSSL has "uninitialized" for all of these.
TEST_F(TlsSendFileTest, AConnectionThatIsLostIsSaidToBe) {
  const IoResult result = send_file({.outcome = -1, .sys_errno = ECONNRESET});
  EXPECT_EQ(result.status, Status::kFailed);
  EXPECT_EQ(result.sys_errno, ECONNRESET);
  EXPECT_EQ(channel->failure().what, "SSL error: Connection reset by peer");
  EXPECT_FALSE(sends());
}

TEST_F(TlsSendFileTest, WhatOpenSslRefusesItselfHasItsWords) {
  const IoResult result = send_file({.outcome = -1, .sys_errno = 0});
  EXPECT_EQ(result.status, Status::kFailed);
  EXPECT_EQ(channel->failure().what, "SSL error: uninitialized");
}

}  // namespace
}  // namespace runtime

#include "runtime/socket.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "tests/runtime/loopback.h"

namespace runtime {
namespace {

using Status = IoResult::Status;
using tests::await;
using tests::bytes_of;

SocketAddress address_of(const std::string& host, std::uint16_t port = 5432) {
  return resolve(host, port).value().at(0);
}

TEST(SocketAddressTest, LoopbackIsAllOf127AndOneOfIpv6) {
  for (const char* host : {"127.0.0.1", "127.0.0.2", "127.255.255.254", "::1"}) {
    EXPECT_TRUE(address_of(host).is_loopback()) << host;
  }
  // An IPv4 address in IPv6 clothes is not taken for loopback: the stricter answer.
  for (const char* host : {"126.255.255.255", "128.0.0.1", "10.0.0.1", "0.0.0.0", "1.0.0.127",
                           "::", "::2", "fe80::1", "1::1", "::ffff:10.0.0.1"}) {
    EXPECT_FALSE(address_of(host).is_loopback()) << host;
  }
}

TEST(SocketAddressTest, PrintsItselfWithAndWithoutPort) {
  EXPECT_EQ(address_of("127.0.0.1").text(), "127.0.0.1:5432");
  EXPECT_EQ(address_of("127.0.0.1").host(), "127.0.0.1");
  EXPECT_EQ(address_of("::1").text(), "[::1]:5432");
  EXPECT_EQ(address_of("::1").host(), "::1");
}

TEST(SocketAddressTest, TakesAnotherPort) {
  for (const char* host : {"127.0.0.1", "::1"}) {
    SocketAddress address = address_of(host, 1);
    EXPECT_EQ(address.port(), 1);
    address.set_port(65535);
    EXPECT_EQ(address.port(), 65535);
    EXPECT_EQ(address.host(), host);
  }
}

TEST(ResolveTest, AStarIsEveryAddress) {
  const auto addresses = resolve("*", 5432).value();
  ASSERT_FALSE(addresses.empty());
  for (const SocketAddress& address : addresses) {
    EXPECT_THAT(address.host(), testing::AnyOf("0.0.0.0", "::"));
    EXPECT_FALSE(address.is_loopback());
  }
}

TEST(ResolveTest, GivesEachAddressOnce) {
  const auto addresses = resolve("127.0.0.1", 1).value();
  EXPECT_EQ(addresses.size(), 1u);
}

TEST(ResolveTest, SaysWhatItCouldNotResolve) {
  const auto failed = resolve("300.300.300.300.invalid", 1);
  ASSERT_FALSE(failed);
  EXPECT_THAT(failed.error().what,
              testing::StartsWith("could not translate host name \"300.300.300.300.invalid\" to "
                                  "address: "));
}

TEST(ListenTest, TakesAFreePortForZeroAndSharesItWithOthers) {
  const auto first = listen_on(address_of("127.0.0.1", 0), 8);
  ASSERT_TRUE(first);
  const SocketAddress bound = local_address(first->get());
  EXPECT_NE(bound.port(), 0);
  EXPECT_TRUE(listen_on(bound, 8));
}

TEST(ListenTest, AnAddressInUseIsToldFromAFreeOne) {
  UniqueFd listener = listen_on(address_of("127.0.0.1", 0), 8).value();
  const SocketAddress bound = local_address(listener.get());
  const auto in_use = check_unused(bound);
  ASSERT_FALSE(in_use);
  EXPECT_EQ(in_use.error().sys_errno, EADDRINUSE);
  listener.reset();
  EXPECT_TRUE(check_unused(bound));
}

TEST(ListenTest, SaysWhatItCouldNotBind) {
  const auto failed = listen_on(address_of("192.0.2.1"), 8);  // TEST-NET-1: no host has the address
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().what,
            "could not bind \"192.0.2.1:5432\": Cannot assign requested address");
}

TEST(AcceptTest, NobodyWaitingIsNoError) {
  const UniqueFd listener = listen_on(address_of("127.0.0.1", 0), 8).value();
  const Accepted accepted = accept_from(listener.get());
  EXPECT_FALSE(accepted.fd);
  EXPECT_EQ(accepted.sys_errno, 0);
}

TEST(AcceptTest, TellsWhyItCannot) { EXPECT_EQ(accept_from(-1).sys_errno, EBADF); }

int option(int fd, int level, int name) {
  int value = 0;
  socklen_t size = sizeof(value);
  EXPECT_EQ(::getsockopt(fd, level, name, &value, &size), 0);
  return value;
}

TEST(AcceptTest, SetsWhatPostgresSets) {
  const tests::Loopback pair;
  EXPECT_NE(option(pair.here(), IPPROTO_TCP, TCP_NODELAY), 0);
  EXPECT_NE(option(pair.here(), SOL_SOCKET, SO_KEEPALIVE), 0);
  EXPECT_NE(::fcntl(pair.here(), F_GETFL) & O_NONBLOCK, 0);
}

// What the kernel takes for a peer that does not read, beside what the peer's own kernel has.
TEST(AcceptTest, APeerThatDoesNotReadKeepsLittleInTheKernel) {
  constexpr int kUnsentMax = 512 * 1024;
  const tests::Loopback pair;
  EXPECT_EQ(option(pair.here(), IPPROTO_TCP, TCP_NOTSENT_LOWAT), kUnsentMax);
  // As of a connection that has been fast, whose buffer has grown.
  const int buffer_bytes = 64 << 20;
  ASSERT_EQ(::setsockopt(pair.here(), SOL_SOCKET, SO_SNDBUF, &buffer_bytes, sizeof(buffer_bytes)),
            0);
  const std::vector<std::byte> bytes = tests::noise(16 * 1024);
  const iovec piece = tests::piece(bytes);
  while (send_vector(pair.here(), {&piece, 1}, false).status == IoResult::Status::kDone) {
  }
  int unsent = 0;
  ASSERT_EQ(::ioctl(pair.here(), SIOCOUTQNSD, &unsent), 0);
  EXPECT_LT(unsent, 2 * kUnsentMax);
}

TEST(AcceptTest, KnowsThePeer) {
  const tests::Loopback pair;
  EXPECT_EQ(pair.peer().text(), local_address(pair.there()).text());
}

TEST(ConnectTest, TellsTheOutcome) {
  const UniqueFd listener = listen_on(address_of("127.0.0.1", 0), 8).value();
  const SocketAddress address = local_address(listener.get());
  const UniqueFd connected = connect_to(address).value();
  ASSERT_TRUE(await(connected.get(), POLLOUT));
  EXPECT_EQ(connect_error(connected.get()), 0);
}

TEST(ConnectTest, TellsThatNobodyListens) {
  UniqueFd listener = listen_on(address_of("127.0.0.1", 0), 8).value();
  const SocketAddress address = local_address(listener.get());
  listener.reset();
  const auto refused = connect_to(address);
  if (refused) {
    ASSERT_TRUE(await(refused->get(), POLLOUT));
    EXPECT_EQ(connect_error(refused->get()), ECONNREFUSED);
  } else {
    EXPECT_EQ(refused.error().sys_errno, ECONNREFUSED);
  }
}

TEST(ReceiveTest, SaysBlockedThenBytesThenEnd) {
  tests::Loopback pair;
  std::array<std::byte, 16> buffer;
  EXPECT_EQ(receive(pair.here(), buffer).status, Status::kBlocked);
  pair.send_from_there("hello");
  ASSERT_TRUE(await(pair.here(), POLLIN));
  const IoResult got = receive(pair.here(), buffer);
  EXPECT_EQ(got.status, Status::kDone);
  ASSERT_EQ(got.bytes, 5u);
  EXPECT_EQ(std::memcmp(buffer.data(), "hello", 5), 0);
  pair.close_there();
  ASSERT_TRUE(await(pair.here(), POLLIN));
  EXPECT_EQ(receive(pair.here(), buffer).status, Status::kEnd);
}

TEST(ReceiveTest, ABrokenConnectionSaysWhy) {
  tests::Loopback pair;
  pair.reset_there();
  ASSERT_TRUE(await(pair.here(), POLLIN));
  std::array<std::byte, 16> buffer;
  const IoResult got = receive(pair.here(), buffer);
  EXPECT_EQ(got.status, Status::kFailed);
  EXPECT_EQ(got.sys_errno, ECONNRESET);
}

TEST(PeekTest, ShowsTheFirstBytesAndCountsThemAll) {
  tests::Loopback pair;
  EXPECT_EQ(unread_bytes(pair.here()), 0u);
  pair.send_from_there("hello");
  ASSERT_TRUE(await(pair.here(), POLLIN));
  std::array<std::byte, 2> first;
  EXPECT_EQ(peek(pair.here(), first).bytes, 2u);
  EXPECT_EQ(std::memcmp(first.data(), "he", 2), 0);
  EXPECT_EQ(unread_bytes(pair.here()), 5u);
  ASSERT_EQ(receive(pair.here(), first).bytes, 2u);
  EXPECT_EQ(unread_bytes(pair.here()), 3u);
}

TEST(DiscardTest, DropsUpToSoManyBytes) {
  tests::Loopback pair;
  EXPECT_EQ(discard(pair.here(), 3).status, Status::kBlocked);
  pair.send_from_there("hello");
  ASSERT_TRUE(await(pair.here(), POLLIN));
  const IoResult dropped = discard(pair.here(), 3);
  EXPECT_EQ(dropped.status, Status::kDone);
  EXPECT_EQ(dropped.bytes, 3u);
  std::array<std::byte, 16> buffer;
  ASSERT_EQ(receive(pair.here(), buffer).bytes, 2u);
  EXPECT_EQ(std::memcmp(buffer.data(), "lo", 2), 0);
  pair.close_there();
  ASSERT_TRUE(await(pair.here(), POLLIN));
  EXPECT_EQ(discard(pair.here(), 3).status, Status::kEnd);
}

TEST(SendVectorTest, SendsPiecesInOrder) {
  tests::Loopback pair;
  const std::vector<std::byte> head = bytes_of("head-");
  const std::vector<std::byte> tail = bytes_of("tail");
  const std::array<iovec, 2> pieces{tests::piece(head), tests::piece(tail)};
  const IoResult sent = send_vector(pair.here(), pieces, /*more=*/false);
  EXPECT_EQ(sent.status, Status::kDone);
  EXPECT_EQ(sent.bytes, 9u);
  EXPECT_EQ(pair.read_there(9), bytes_of("head-tail"));
}

TEST(SendVectorTest, SendsAPartWhenThereIsNoRoomForAll) {
  tests::Loopback pair;
  const std::vector<std::byte> data = tests::noise(8u << 20);
  std::size_t sent = 0;
  for (;;) {
    const std::vector<std::byte> rest(data.begin() + static_cast<std::ptrdiff_t>(sent), data.end());
    const std::array<iovec, 1> pieces{tests::piece(rest)};
    const IoResult result = send_vector(pair.here(), pieces, /*more=*/false);
    if (result.status == Status::kBlocked) break;
    ASSERT_EQ(result.status, Status::kDone);
    sent += result.bytes;
  }
  ASSERT_GT(sent, 0u);
  ASSERT_LT(sent, data.size());
  EXPECT_EQ(pair.read_there(sent),
            std::vector<std::byte>(data.begin(), data.begin() + static_cast<std::ptrdiff_t>(sent)));
  ASSERT_TRUE(await(pair.here(), POLLOUT));
}

// Without MSG_NOSIGNAL the first of these would end the process.
TEST(SendVectorTest, ALostPeerIsAFailureAndNoSignal) {
  tests::Loopback pair;
  pair.reset_there();
  ASSERT_TRUE(await(pair.here(), POLLIN));
  const std::vector<std::byte> data = bytes_of("x");
  const std::array<iovec, 1> pieces{tests::piece(data)};
  EXPECT_EQ(send_vector(pair.here(), pieces, /*more=*/false).status, Status::kFailed);
  EXPECT_EQ(send_vector(pair.here(), pieces, /*more=*/false).sys_errno, EPIPE);
}

TEST(SendVectorTest, MoreHoldsASmallPieceBackUntilTheRestComes) {
  tests::Loopback pair;
  const std::vector<std::byte> head = bytes_of("head-");
  const std::vector<std::byte> tail = bytes_of("tail");
  const std::array<iovec, 1> first{tests::piece(head)};
  const std::array<iovec, 1> second{tests::piece(tail)};
  ASSERT_EQ(send_vector(pair.here(), first, /*more=*/true).bytes, 5u);
  std::array<std::byte, 16> buffer;
  EXPECT_EQ(receive(pair.there(), buffer).status, Status::kBlocked);
  ASSERT_EQ(send_vector(pair.here(), second, /*more=*/false).bytes, 4u);
  EXPECT_EQ(pair.read_there(9), bytes_of("head-tail"));
}

TEST(SendFileTest, SendsARangeOfAFile) {
  tests::Loopback pair;
  const tests::DataFile file(tests::noise(100'000));
  const IoResult sent = send_file(pair.here(), file.fd(), 5'000, 1'000);
  EXPECT_EQ(sent.status, Status::kDone);
  ASSERT_EQ(sent.bytes, 1'000u);
  EXPECT_EQ(pair.read_there(1'000), file.range(5'000, 1'000));
}

TEST(SendFileTest, StopsWhenTheSocketIsFullAndGoesOnLater) {
  tests::Loopback pair;
  const tests::DataFile file(tests::noise(8u << 20));
  std::size_t sent = 0;
  IoResult result{};
  while ((result = send_file(pair.here(), file.fd(), sent, file.size() - sent)).status ==
         Status::kDone) {
    sent += result.bytes;
  }
  EXPECT_EQ(result.status, Status::kBlocked);
  ASSERT_LT(sent, file.size());
  EXPECT_EQ(pair.read_there(sent), file.range(0, sent));
  ASSERT_TRUE(await(pair.here(), POLLOUT));
  const IoResult next = send_file(pair.here(), file.fd(), sent, 1'000);
  ASSERT_EQ(next.status, Status::kDone);
  EXPECT_EQ(pair.read_there(next.bytes), file.range(sent, next.bytes));
}

TEST(SendFileTest, ATruncatedFileEnds) {
  tests::Loopback pair;
  const tests::DataFile file(tests::noise(1'000));
  ASSERT_EQ(::ftruncate(file.fd(), 600), 0);
  EXPECT_EQ(send_file(pair.here(), file.fd(), 500, 500).bytes, 100u);
  EXPECT_EQ(send_file(pair.here(), file.fd(), 600, 400).status, Status::kEnd);
  EXPECT_EQ(send_file(pair.here(), file.fd(), 900, 100).status, Status::kEnd);
}

}  // namespace
}  // namespace runtime

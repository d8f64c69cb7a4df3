#include "runtime/tcp_timeouts.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <cerrno>

#include "tests/runtime/loopback.h"

namespace runtime {
namespace {

int option(int fd, int name) {
  int value = 0;
  socklen_t size = sizeof(value);
  EXPECT_EQ(::getsockopt(fd, IPPROTO_TCP, name, &value, &size), 0);
  return value;
}

TcpTimeouts timeouts_of(int fd) {
  return {.keepalive_idle_s = option(fd, TCP_KEEPIDLE),
          .keepalive_interval_s = option(fd, TCP_KEEPINTVL),
          .keepalive_count = option(fd, TCP_KEEPCNT),
          .user_timeout_ms = option(fd, TCP_USER_TIMEOUT)};
}

TEST(TcpTimeoutsTest, TheSystemsAreThoseOfASocketThatNobodyTouched) {
  const tests::Loopback pair;
  EXPECT_EQ(system_tcp_timeouts(), timeouts_of(pair.there()));
  EXPECT_GT(system_tcp_timeouts().keepalive_idle_s, 0);
}

TEST(TcpTimeoutsTest, AreSetAndZeroIsTheSystemsAgain) {
  const tests::Loopback pair;
  const TcpTimeouts some{.keepalive_idle_s = 11,
                         .keepalive_interval_s = 12,
                         .keepalive_count = 13,
                         .user_timeout_ms = 14'000};
  EXPECT_TRUE(set_tcp_timeouts(pair.here(), some));
  EXPECT_EQ(timeouts_of(pair.here()), some);
  EXPECT_TRUE(set_tcp_timeouts(pair.here(), {.keepalive_count = 2}));
  TcpTimeouts expected = system_tcp_timeouts();
  expected.keepalive_count = 2;
  EXPECT_EQ(timeouts_of(pair.here()), expected);
}

TEST(TcpTimeoutsTest, WhatTheKernelRefusesIsNamedAndTheRestIsSet) {
  const tests::Loopback pair;
  const auto done = set_tcp_timeouts(
      pair.here(), {.keepalive_idle_s = 7, .keepalive_count = 100'000, .user_timeout_ms = 9});
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().sys_errno, EINVAL);
  EXPECT_EQ(done.error().what, "setsockopt(TCP_KEEPCNT) failed for 100000: Invalid argument");
  EXPECT_EQ(option(pair.here(), TCP_KEEPIDLE), 7);
  EXPECT_EQ(option(pair.here(), TCP_USER_TIMEOUT), 9);
}

}  // namespace
}  // namespace runtime

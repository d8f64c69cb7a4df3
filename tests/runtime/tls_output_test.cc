#include "runtime/tls_output.h"

#include <gtest/gtest.h>
#include <openssl/bio.h>

#include <sys/socket.h>

#include <array>
#include <memory>
#include <string_view>

#include "tests/support/socket_pair.h"

namespace runtime {
namespace {

struct TlsOutputTest : ::testing::Test {
  tests::SocketPair sockets;
  TlsOutput output{sockets.ours.get()};
};

// From OpenSSL 3.2 on its sockets have a state there, which it frees with the BIO.
TEST_F(TlsOutputTest, WhatABioOfASocketHasOfItsOwnIsOpensslsAlone) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> socket(BIO_new(BIO_s_socket()), &BIO_free);
  const std::unique_ptr<BIO, decltype(&BIO_free)> bio(output.new_bio(), &BIO_free);
  EXPECT_NE(BIO_get_data(bio.get()), &output);
  EXPECT_EQ(BIO_get_data(bio.get()) == nullptr, BIO_get_data(socket.get()) == nullptr);
}

TEST_F(TlsOutputTest, EachBioWritesToItsOwnOutput) {
  tests::SocketPair others;
  TlsOutput other(others.ours.get());
  const std::unique_ptr<BIO, decltype(&BIO_free)> bio(output.new_bio(), &BIO_free);
  const std::unique_ptr<BIO, decltype(&BIO_free)> other_bio(other.new_bio(), &BIO_free);
  ASSERT_EQ(BIO_write(bio.get(), "one", 3), 3);
  ASSERT_EQ(BIO_write(other_bio.get(), "other", 5), 5);
  std::array<char, 16> came{};
  ASSERT_EQ(::recv(sockets.peer.get(), came.data(), came.size(), MSG_DONTWAIT), 3);
  EXPECT_EQ(std::string_view(came.data(), 3), "one");
  ASSERT_EQ(::recv(others.peer.get(), came.data(), came.size(), MSG_DONTWAIT), 5);
  EXPECT_EQ(std::string_view(came.data(), 5), "other");
}

}  // namespace
}  // namespace runtime

#pragma once

#include <gtest/gtest.h>

#include "tests/support/test_client.h"
#include "tests/support/test_server.h"
#include "tests/support/wal_directory.h"
#include "tests/wal/samples.h"

namespace tests {

// A server with some WAL, to which the clients of a test connect.
struct SessionTest : ::testing::Test {
  explicit SessionTest(const TestServer::Options& options = {}, std::uint16_t page_magic = 0xD110)
      : identity(identity_of(1, page_magic)), server(directory.path(), identity, options) {
    server.serve(begin(), grow(300'000));
  }

  // Writes WAL that the server does not know of yet. Returns its end.
  server::wal::Lsn grow(std::uint64_t bytes) {
    const server::wal::Lsn target = builder.end() + bytes;
    while (builder.end() < target) builder.append_noop(filling(3000));
    directory.write(builder);
    builder.clear();
    return builder.end();
  }
  server::wal::Lsn begin() const { return identity.segment_size.start(server::wal::SegmentNo{1}); }
  server::wal::Lsn end() const { return builder.end(); }
  std::string wal(server::wal::Lsn from, server::wal::Lsn to) const {
    return std::string(as_text(directory.read(from, to)));
  }

  server::wal::Identity identity;
  WalDirectory directory{server::wal::TimelineId{1}, identity.segment_size};
  server::wal::WalBuilder builder = builder_of(identity);
  TestServer server;
};

// A client that the server is ready for.
struct ReadyClient : TestClient {
  explicit ReadyClient(const TestServer& server, int receive_buffer_bytes = 0)
      : TestClient(server.port(), receive_buffer_bytes) {
    EXPECT_TRUE(start_up());
  }
};

}  // namespace tests

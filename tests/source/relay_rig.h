#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <fstream>
#include <optional>
#include <string>

#include "server/source/relay.h"
#include "tests/source/tail_follower.h"
#include "tests/support/test_server.h"
#include "tests/wal/growing_wal.h"

namespace tests {

// A relay whose primary is this server, in the same process; against PostgreSQL it is tests/e2e's.
struct RelayRig : ::testing::Test, GrowingWal {
  RelayRig() { grow(300'000); }
  ~RelayRig() override {
    if (relay.has_value()) relay->stop();
  }

  void start_primary() {
    primary.emplace(directory.path(), identity, TestServer::Options{});
    primary->serve(begin(), end());
  }
  server::source::RelaySource::Options options(std::uint16_t port) const {
    return {.directory = spool.file("spool"),
            .receiver = {.upstream = {.conninfo =
                                          runtime::format("host=127.0.0.1 port={} user=u", port),
                                      .timeout = std::chrono::seconds(60)},
                         .slot_name = "",
                         .status_interval = std::chrono::seconds(10),
                         .retry_interval = std::chrono::milliseconds(20)},
            .retention = {.wal_keep_bytes = std::uint64_t{1} << 30, .holds = &holds}};
  }
  void start_relay(const server::source::RelaySource::Options& relay_options) {
    follower.emplace();
    relay.emplace(relay_options, clock);
    const auto opened = relay->open();
    ASSERT_TRUE(opened) << opened.error().what;
    faults.emplace(relay->identity());
    const auto started = relay->start(follower->tail, *faults, *follower);
    ASSERT_TRUE(started) << started.error().what;
  }
  std::string spool_path(server::wal::Lsn lsn) const {
    const auto size = identity.segment_size;
    return spool.file("spool/" + server::wal::segment_name(server::wal::TimelineId{1},
                                                           size.segment_of(lsn), size));
  }
  std::string received(server::wal::Lsn from, server::wal::Lsn to) const {
    std::string all;
    while (from < to) {
      const auto no = identity.segment_size.segment_of(from);
      const server::wal::Lsn until = std::min(to, identity.segment_size.end(no));
      std::ifstream file(spool_path(from), std::ios::binary);
      std::string part(until - from, '\0');
      file.seekg(identity.segment_size.offset(from));
      file.read(part.data(), static_cast<std::streamsize>(part.size()));
      all += part;
      from = until;
    }
    return all;
  }

  server::wal::Lsn kept_to() const {
    return (*server::wal::SpoolMark::open(spool.file("spool")))->content().kept_to;
  }
  // As a crash does, before the mark has said anything of the WAL.
  void forget_kept() const {
    ASSERT_TRUE(server::wal::SpoolMark::create(spool.file("spool"),
                                               {.writer = server::wal::SpoolWriter::kReceiver,
                                                .system_identifier = identity.system_identifier}));
  }
  // What a crash has left of the spool, in the segment of `from`.
  void spoil(server::wal::Lsn from, const std::string& bytes) const {
    std::fstream file(spool_path(from), std::ios::binary | std::ios::in | std::ios::out);
    file.seekp(identity.segment_size.offset(from));
    file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    ASSERT_TRUE(file.flush());
  }

  TempDir spool;
  runtime::SystemClock clock;
  mutable server::wal::Holds holds{clock};
  std::optional<TestServer> primary;
  std::optional<TailFollower> follower;
  std::optional<server::wal::FaultLog> faults;
  std::optional<server::source::RelaySource> relay;
};

}  // namespace tests

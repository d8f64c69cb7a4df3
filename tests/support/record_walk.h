#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "server/wal/format.h"
#include "server/wal/identity.h"
#include "server/wal/lsn.h"

namespace tests {

struct WalkedRecord {
  server::wal::Lsn begin;
  server::wal::Lsn end;  // aligned; a page's start if the record fills the page before
  server::wal::RecordHeader header;
  std::vector<std::byte> body;  // without the header
};

// Reads defect-free WAL in the plainest way, without the server's own reader, and fails the test
// where a page header, a previous link or a CRC is not what PostgreSQL wants.
// REQUIRES: a page starts at `begin`, with a record of its own; the WAL ends after a record.
std::vector<WalkedRecord> walk_records(const server::wal::Identity& identity,
                                       server::wal::TimelineId timeline, server::wal::Lsn begin,
                                       std::span<const std::byte> wal);

}  // namespace tests

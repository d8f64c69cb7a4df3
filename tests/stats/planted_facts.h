#pragma once

#include <memory>
#include <string>
#include <utility>

#include "runtime/clock.h"
#include "server/slot/slots.h"
#include "server/source/source.h"
#include "server/stats/server_facts.h"
#include "server/wal/holds.h"
#include "server/wal/tail.h"
#include "tests/support/temp_dir.h"

namespace tests {

// A source that does nothing, of a directory without WAL.
class IdleSource final : public server::source::Source {
 public:
  explicit IdleSource(std::string directory) : directory_(std::move(directory)) {
    identity_.system_identifier = 42;
    identity_.page_magic = 0xD110;  // PostgreSQL 15
  }
  runtime::Result<void> open() override { return {}; }
  const server::wal::Identity& identity() const override { return identity_; }
  server::source::StreamFacts stream_facts() const override { return facts; }
  const std::string& directory() const override { return directory_; }
  runtime::Result<void> start(server::wal::WalTail&, server::wal::FaultLog&, Listener&) override {
    return {};
  }
  void stop() override {}
  void log_memory_contexts() override {}

  server::source::StreamFacts facts;

 private:
  const std::string directory_;
  server::wal::Identity identity_;
};

// All that ServerFacts borrows, and the facts themselves.
struct PlantedFacts {
  explicit PlantedFacts(server::stats::ServerFacts::Options options = {})
      : facts({clock, tail, slots, holds, source}, std::move(options)) {}

  TempDir dir;
  runtime::SystemClock clock;
  server::wal::WalTail tail;
  server::slot::Slots slots{{}};
  server::wal::Holds holds{clock};
  IdleSource source{dir.path()};
  server::stats::ServerFacts facts;
};

}  // namespace tests

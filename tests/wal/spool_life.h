#pragma once

#include <atomic>
#include <functional>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "runtime/clock.h"
#include "server/wal/inventory.h"
#include "server/wal/spool.h"
#include "server/wal/writer.h"
#include "tests/support/disk_log.h"
#include "tests/wal/spool_script.h"

namespace server::wal {

// A relay's life in a spool, from its start to its end, which may be a loss of power: it makes of
// what it finds there what RelaySource does, and receives more of the script. The disk is full now
// and then, for all that takes room of it.
class SpoolLife {
 public:
  // `durable`: so much is on disk, as earlier lives have told the primary.
  SpoolLife(std::string directory, const SpoolScript& script, std::uint32_t seed, Lsn durable);

  // Checks what it finds: all of it is right, and nothing is missing that must be there.
  void start();
  // Of the script up to `to`. REQUIRES: start() found nothing wrong.
  void receive(Lsn to);
  enum class End { kCleanly, kKilled };
  std::vector<tests::DiskEvent> end(End end);

  Lsn position() const { return writer_->end(); }

 private:
  int fail(const tests::DiskCall& call);
  // As long as the disk is full.
  template <typename Try>
  static auto until_there_is_room(Try attempt);

  void start_empty(const runtime::Error& error);
  void resume(const Inventory& inventory);
  void check_end(const Inventory& inventory, const EndOfWal& end) const;
  void check_bytes(const Inventory& inventory, Lsn end) const;
  void make_writer(TimelineId timeline);
  TimelineHistory history(TimelineId timeline) const;

  void send_piece(Lsn to);
  void follow_new_timeline();
  void take_back(Lsn from);
  void flush_but(std::uint64_t bytes_max);
  void wait_for_flush();
  void promise(Lsn durable) { log_->promise("durable", durable.value()); }

  const Directory directory_;
  const SpoolScript& script_;
  const Lsn durable_;
  std::mt19937 random_;
  std::mt19937 room_;
  std::optional<tests::DiskLog> log_;
  runtime::SystemClock clock_;
  runtime::Doorbell doorbell_;
  Holds holds_{clock_};
  WalTail tail_;
  Spool spool_;
  std::optional<Writer> writer_;
};

}  // namespace server::wal

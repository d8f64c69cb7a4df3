#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "bench/walbench/backend_framer.h"
#include "bench/walbench/berth.h"
#include "bench/walbench/login.h"
#include "bench/walbench/stamps.h"
#include "runtime/result.h"
#include "server/wal/lsn.h"

namespace bench::walbench {

// What one standby does with the WAL that comes: it is checked to have no gap, compared, searched
// for stamps, and counted. A standby that connects again goes on where it was.
//   Owner: Standby.  Thread: the worker's loop's.
//   Borrows: the berth.
//   Invariant: received() <= next_; only whole messages are received.
class Intake {
 public:
  // REQUIRES: standby is a number of the berth's plan.
  Intake(std::size_t standby, const Berth& berth);

  // A stream begins.
  void begin(const StreamPlan& plan);
  const StreamPlan& plan() const { return plan_; }
  // The end of the WAL that it has, in whole messages.
  server::wal::Lsn received() const { return received_; }
  // How many stamps have come to it.
  std::uint64_t stamps() const { return stamps_; }

  // Whether it must see the WAL; else that may be dropped.
  bool looks() const { return verifies_ || finder_.has_value() || records(); }
  // Whether it must see when each message has come, which the kernel tells once for all that a read
  // brings.
  bool records() const { return berth_.recorder != nullptr; }
  bool has_stamps() const { return finder_.has_value(); }

  // A message begins, which the kernel had at `at`. Fails by kGap, or as Recorder::add() does.
  runtime::Result<void> on_header(const WalHeader& header, WallNanos at);
  // A piece of it, which the kernel had at `at`. Fails as Verifier::compare() and Recorder::add()
  // do.
  runtime::Result<void> on_wal(std::span<const std::byte> wal, WallNanos at);
  // A piece of it that was dropped. REQUIRES: no more than the message has left.
  void on_dropped(std::uint64_t bytes);

 private:
  runtime::Result<void> record(WallNanos at);
  void count_stamps();
  void find_stamps(std::span<const std::byte> wal, WallNanos at);
  void on_message_end();

  const std::size_t standby_;
  const Berth& berth_;
  const behaviour::Group& group_;
  Tally& tally_;
  const bool verifies_;
  std::optional<StampFinder> finder_;  // with stamps

  // Stamps of the message that comes. One that is lost with its connection comes again.
  struct Found {
    WallNanos due;
    WallNanos at;
  };
  std::vector<Found> found_;
  std::uint64_t stamps_ = 0;
  StreamPlan plan_;
  WalHeader header_;
  std::uint64_t left_ = 0;     // of the message
  server::wal::Lsn next_;      // where the next byte belongs
  server::wal::Lsn received_;  // the end of the last whole message
};

}  // namespace bench::walbench

#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <span>
#include <vector>

#include "bench/walbench/options.h"
#include "bench/walbench/standby.h"
#include "bench/walbench/tally.h"
#include "bench/walbench/verifier.h"
#include "runtime/clock.h"
#include "runtime/loop.h"
#include "runtime/socket.h"

namespace bench::walbench {

// One thread's share of the fleet, on one loop.
//   Owner: Fleet.  Thread: the one that calls run(); finish(), abort() and progress() are for any,
//   tally() for the thread that has joined it.
//   Borrows: the clock, the options, the addresses.
//   Limits: its share of logins_max in flight; one read buffer for all standbys.
class Worker final : private Standby::Observer, private runtime::Loop::TurnWork {
 public:
  // Runs the standbys `index`, `index` + threads and so on.
  Worker(std::size_t index, const runtime::Clock& clock, const Options& options,
         std::span<const runtime::SocketAddress> addresses);

  // Returns when every standby has ended.
  void run();
  // Has the standbys end in good order, or now.
  void finish();
  void abort();

  const Progress& progress() const { return progress_; }
  const Tally& tally() const { return tally_; }

 private:
  void on_streaming() override { --logins_; }
  void on_ended(bool had_streamed) override;
  bool on_turn() override;
  void end_all(bool now);

  runtime::Loop loop_;
  const std::size_t logins_max_;
  std::vector<std::byte> buffer_;
  std::optional<Verifier> verifier_;
  Tally tally_;
  Progress progress_;
  const Berth berth_;
  std::deque<Standby> standbys_;
  std::size_t started_ = 0;
  std::size_t logins_ = 0;  // started, and neither streaming nor ended
  std::size_t ended_ = 0;
};

}  // namespace bench::walbench

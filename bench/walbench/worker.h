#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "bench/walbench/arrivals.h"
#include "bench/walbench/berth.h"
#include "bench/walbench/standby.h"
#include "bench/walbench/tally.h"
#include "bench/walbench/verifier.h"
#include "runtime/clock.h"
#include "runtime/loop.h"
#include "runtime/timer.h"

namespace bench::walbench {

// How far a worker's standbys are.
struct WorkerSample {
  struct Position {
    std::size_t group_index;
    server::wal::Lsn received;
  };
  std::uint64_t number = 0;         // of the question
  std::vector<Position> positions;  // of those that stream
  Histogram arrived_us;             // with arrivals: since the sample before
};

// One thread's share of the fleet, on one loop.
//   Owner: Fleet.  Thread: the one that calls run(); finish(), abort(), take_sample() and
//   progress() are for any, tallies() and arrivals() for the thread that has joined it.
//   Borrows: the clock, what all standbys have in common, the listener.
//   Limits: its share of logins_max in flight; one read buffer for all standbys.
class Worker final : private Standby::Observer,
                     private runtime::Loop::TurnWork,
                     private runtime::Timer::Handler {
 public:
  // Told in the worker's thread.
  class Listener {
   public:
    virtual ~Listener() = default;
    // Each standby of the worker streams or has ended, but for those of late groups. Once.
    virtual void on_settled() = 0;
    virtual void on_sample(std::unique_ptr<WorkerSample> sample) = 0;
  };

  // Runs the standbys `index`, `index` + threads and so on.
  Worker(std::size_t index, const runtime::Clock& clock, const Port& port, Listener& listener);

  // Returns when every standby has ended.
  void run();
  // Has the standbys end in good order, or now.
  void finish();
  void abort();
  // Has it tell the listener how far its standbys are. One that has ended does not.
  void take_sample(std::uint64_t number);

  const Progress& progress() const { return progress_; }
  // One for each group.
  const std::vector<Tally>& tallies() const { return tallies_; }
  // Null if they are not kept.
  const Arrivals* arrivals() const { return arrivals_.has_value() ? &*arrivals_ : nullptr; }
  // Null if no trace is written.
  const Recorder* recorder() const { return recorder_.has_value() ? &*recorder_ : nullptr; }

 private:
  void on_login_wanted(Standby& standby) override;
  void on_login_over() override;
  void on_settled(const Standby& standby) override;
  void on_ended() override;
  bool on_turn() override;
  void on_timer(runtime::Timer& timer) override;
  void take_arrivals();
  void end_all(bool now);
  void tell_sample(std::uint64_t number);

  Listener& listener_;
  runtime::Loop loop_;
  const std::size_t logins_max_;
  std::vector<std::byte> buffer_;
  std::optional<Verifier> verifier_;
  std::vector<Tally> tallies_;
  std::optional<Arrivals> arrivals_;
  std::optional<Recorder> recorder_;
  std::vector<WallNanos> stamps_;
  ScramKeys scram_keys_;
  Progress progress_;
  const Berth berth_;
  std::deque<Standby> standbys_;
  std::vector<Standby*> to_come_;  // by their arrival, the first at the back
  runtime::Timer arrival_timer_;
  std::deque<Standby*> waiting_;  // for a login
  std::size_t logins_ = 0;        // in flight
  std::size_t to_settle_ = 0;
  std::size_t ended_ = 0;
};

}  // namespace bench::walbench

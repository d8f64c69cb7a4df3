#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "runtime/clock.h"
#include "runtime/doorbell.h"
#include "runtime/published.h"
#include "runtime/thread.h"
#include "server/source/primary_reports.h"
#include "server/source/quorum.h"
#include "server/source/source.h"
#include "server/source/upstream.h"
#include "server/source/wal_sink.h"
#include "server/source/xmin_horizon.h"

namespace server::source {

// Whether a primary is one that we can go on with, from timeline `tip`.
runtime::Result<void> check_primary(const PrimaryInfo& primary, const wal::Identity& identity,
                                    wal::TimelineId tip);

// Whether the WAL up to `end` on the tip of `ours` is the beginning of the history `theirs`.
runtime::Result<void> check_fork(const wal::TimelineHistory& ours, wal::Lsn end,
                                 const wal::TimelineHistory& theirs);

// One connection to a primary after another, and all that a walreceiver says on them
// (walreceiver.c, WalReceiverMain), in one walk on a thread that waits for the primary, for the
// doorbell and for stop() alike. What becomes of the WAL is its sink's.
//   Owner: a source.  Thread: main's until start(), then its own, named "walreceiver".
//   Borrows: clock, sink, horizon and quorum, which outlive stop().
class Receiver {
 public:
  struct Options {
    Upstream::Options upstream;
    std::string slot_name;                // primary_slot_name; empty: none
    bool create_slot = false;             // if the primary has none of that name
    runtime::Duration status_interval{};  // wal_receiver_status_interval; 0: only when asked
    runtime::Duration retry_interval{};   // wal_retrieve_retry_interval
    // What standbys report, to be passed on; null: it is not.
    XminHorizon* xmin_horizon = nullptr;
    runtime::Duration feedback_age_max{};
    // What standbys confirm, where it counts; null: no standby's word does.
    Quorum* quorum = nullptr;
  };

  Receiver(Options options, const runtime::Clock& clock, WalSink& sink);
  ~Receiver() { stop(); }
  Receiver(const Receiver&) = delete;
  Receiver& operator=(const Receiver&) = delete;

  // Connects, finds out which server is there, and makes the slot if `create_slot` says so.
  runtime::Result<PrimaryInfo> connect();
  Upstream& upstream() { return upstream_; }
  const Options& options() const { return options_; }
  // Ends the receiver's wait.
  runtime::Doorbell& doorbell() { return doorbell_; }

  // REQUIRES: the tail has timelines. The receiver tells the tail how much WAL is promised; the
  // sink publishes it.
  void start(wal::WalTail& tail);
  void stop();
  void log_memory_contexts();

  // For a sink that waits for something else, such as a disk. Nothing is received meanwhile, but
  // the primary gets a report each time, or as often as one may be repeated.
  runtime::Result<void> pause(runtime::Duration at_most);

 private:
  void run();
  bool try_primary();
  void report(const runtime::Error& error);
  runtime::Result<void> receive_from_primary();
  void announce();
  runtime::Result<std::optional<NextTimeline>> stream();
  runtime::Result<bool> take_what_has_come(runtime::Instant now);
  runtime::Result<void> take(const wire::XLogData& data);
  void look_at_doorbell();

  const Options options_;
  const runtime::Clock& clock_;
  WalSink& sink_;
  runtime::Doorbell doorbell_;
  runtime::Published<bool> stop_;
  runtime::Published<std::uint64_t> memory_logs_wanted_;  // how often they were asked for
  std::uint64_t memory_logs_written_ = 0;
  Upstream upstream_;
  wal::WalTail* tail_ = nullptr;

  PrimaryReports reports_;
  bool streaming_ = false;

  // A failure that lasts is logged once.
  std::string last_report_;
  bool stream_fails_ = false;  // it was refused, or its WAL was, and nothing has been proven since
  std::unique_ptr<runtime::NamedThread> thread_;
};

}  // namespace server::source

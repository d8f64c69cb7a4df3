#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/clock.h"
#include "runtime/doorbell.h"
#include "runtime/published.h"
#include "runtime/thread.h"
#include "server/source/catch_up.h"
#include "server/source/host_reports.h"
#include "server/source/host_round.h"
#include "server/source/primary_reports.h"
#include "server/source/quorum.h"
#include "server/source/receiver_state.h"
#include "server/source/source.h"
#include "server/source/stream_facts.h"
#include "server/source/upstream.h"
#include "server/source/upstream_choice.h"
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
// doorbell and for stop() alike. What becomes of the WAL is its sink's. The hosts of the conninfo
// are tried in rounds: a host that does not answer, refuses, has another history, or is behind this
// server's WAL while another host may not be, is left for the next one at once. When all were of no
// use, or a host from which WAL came is lost, the next round begins after retry_interval.
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
    // Called by the receiver's thread, and to do no more than pass it on.
    std::function<void(ReceiverState)> on_state = [](const ReceiverState&) {};
  };

  Receiver(Options options, const runtime::Clock& clock, WalSink& sink);
  ~Receiver() { stop(); }
  Receiver(const Receiver&) = delete;
  Receiver& operator=(const Receiver&) = delete;

  // Before start(): a round through the hosts. Connects to the first that answers, makes the slot
  // if `create_slot` says so, and finds out which server is there. The error has what was wrong
  // with each host.
  runtime::Result<PrimaryInfo> connect();
  // Whether the primary has the slot that is to be used, if it can say so. REQUIRES: connect().
  runtime::Result<void> check_slot();
  Upstream& upstream() { return upstream_; }
  const Options& options() const { return options_; }
  // Any thread.
  StreamFacts stream_facts() const;
  // Ends the receiver's wait.
  runtime::Doorbell& doorbell() { return doorbell_; }

  // REQUIRES: the tail has timelines. The receiver tells the tail how much WAL is promised; the
  // sink publishes it.
  void start(wal::WalTail& tail);
  void stop();
  void log_memory_contexts();
  // The stream that runs ends, and a round through the hosts of this string begins; a host that is
  // being tried has its time first. What is there must be the same cluster, as ever. Any thread.
  // The error is what is wrong with the string.
  runtime::Result<void> switch_upstream(std::string conninfo);

  // For a sink that waits for something else, such as a disk. Nothing is received meanwhile, but
  // the primary gets a report each time, or as often as one may be repeated.
  runtime::Result<void> pause(runtime::Duration at_most);

 private:
  // What a turn of a stream has found.
  enum class Came { kAll, kMore, kEnd };
  // How far a connection has come.
  enum class Progress { kNone, kStreamed, kProven };

  // What a turn of a stream takes at most, so that reports, stop() and the doorbell are looked at
  // however much the primary sends.
  static constexpr std::size_t kTurnBytesMax = std::size_t{1} << 20;
  static constexpr runtime::Duration kTurnTimeMax = std::chrono::milliseconds(10);
  // The time that each address has for an answer in the first round, if conninfo does not say. Each
  // round without a stream doubles it, so that a server that is slow to let clients in is reached.
  static constexpr runtime::Duration kHostTimeoutMin = std::chrono::seconds(10);
  static constexpr runtime::Duration kHostTimeoutMax = std::chrono::seconds(60);

  void run();
  bool try_round();
  runtime::Result<void> begin_round();
  runtime::Duration host_timeout() const;
  runtime::Result<PrimaryInfo> connect_next();
  runtime::Result<std::vector<Host>> look_up(const Host& host);
  runtime::Result<PrimaryInfo> ask(const HostRound::Attempt& attempt);
  void pass_over(const Host& host, const runtime::Error& error);
  runtime::Result<void> receive_from_primary();
  runtime::Result<void> check_end(const PrimaryInfo& primary) const;
  runtime::Result<void> stream_timelines();
  void announce();
  runtime::Result<std::optional<NextTimeline>> stream();
  runtime::Result<Came> take_what_has_come(runtime::Instant now);
  runtime::Result<void> take(const wire::XLogData& data);
  void look_at_doorbell();

  const Options options_;
  const runtime::Clock& clock_;
  WalSink& sink_;
  runtime::Doorbell doorbell_;
  runtime::Published<bool> stop_;
  UpstreamChoice choice_;
  runtime::Published<std::uint64_t> memory_logs_wanted_;  // how often they were asked for
  std::uint64_t memory_logs_written_ = 0;
  Upstream upstream_;
  wal::WalTail* tail_ = nullptr;

  HostRound round_;
  runtime::Duration patience_ = kHostTimeoutMin;
  std::string host_;  // that is tried, as host_reports_ knows it
  HostReports host_reports_;
  PrimaryReports reports_;
  StreamBoard board_;
  bool streaming_ = false;
  Progress progress_ = Progress::kNone;
  CatchUp catch_up_;
  std::unique_ptr<runtime::NamedThread> thread_;
};

}  // namespace server::source

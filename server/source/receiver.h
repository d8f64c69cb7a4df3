#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "runtime/clock.h"
#include "runtime/doorbell.h"
#include "runtime/published.h"
#include "runtime/thread.h"
#include "server/source/quorum.h"
#include "server/source/source.h"
#include "server/source/upstream.h"
#include "server/source/xmin_horizon.h"

namespace server::source {

// The upstream's WAL is not ours to continue with.
inline constexpr runtime::ErrorKind kDiverged{"diverged_wal", "XX000"};

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
    // What standbys confirm, where it counts; null: nobody's does.
    Quorum* quorum = nullptr;
  };

  // Called on the receiver's thread. Whatever fails ends the connection.
  class Sink {
   public:
    virtual ~Sink() = default;
    // Where to go on, on the tail's newest timeline.
    virtual wal::Lsn position() const = 0;
    // The transaction that began last, by the WAL that was taken; invalid: not known yet.
    virtual wal::TransactionId newest_xid() const = 0;
    // A connection that does not stream yet.
    virtual runtime::Result<void> on_connected(const PrimaryInfo& primary) = 0;
    virtual runtime::Result<void> on_wal(const wire::XLogData& data) = 0;
    // All that has come was taken. Called before each wait while a stream runs.
    virtual runtime::Result<void> on_turn() = 0;
    // When on_turn() is due in any case.
    virtual runtime::Instant next_turn() const { return runtime::Instant::max(); }
    // What the primary may be told, of which it was told `reported` on this connection.
    virtual Quorum::Positions confirmed(const Quorum::Positions& reported) const = 0;
    // Where the primary's slot is to be, if not at what is confirmed as flushed, which is nothing
    // then. Invalid: there, or where it is.
    virtual wal::Lsn slot_position() const { return {}; }
    // All of the timeline has come.
    virtual runtime::Result<void> on_timeline_ended(const NextTimeline& next) = 0;
    // The connection is over, and closed. Returns whether to try another.
    virtual bool on_connection_lost(const runtime::Error& error) = 0;
  };

  Receiver(Options options, const runtime::Clock& clock, Sink& sink);
  ~Receiver() { stop(); }
  Receiver(const Receiver&) = delete;
  Receiver& operator=(const Receiver&) = delete;

  // A connection, and who is there. The slot is made, if it is to be.
  runtime::Result<PrimaryInfo> connect();
  Upstream& upstream() { return upstream_; }
  const Options& options() const { return options_; }
  // Ends the receiver's wait.
  runtime::Doorbell& doorbell() { return doorbell_; }

  // REQUIRES: the tail has timelines. It gets what is promised; WAL is the sink's to publish.
  void start(wal::WalTail& tail);
  void stop();
  void log_memory_contexts();

  // For a sink that waits for something else. The connection is not looked at, but the primary
  // hears of us.
  runtime::Result<void> pause(runtime::Instant deadline);

 private:
  void run();
  bool try_primary();
  void report(const runtime::Error& error);
  runtime::Result<void> receive_from_primary();
  void announce();
  runtime::Result<std::optional<NextTimeline>> stream();
  runtime::Result<bool> take_what_has_come();
  runtime::Result<void> take(const wire::XLogData& data);
  runtime::Result<void> send_status(bool forced, bool reply_requested = false);
  runtime::Result<void> send_positions(const Quorum::Positions& positions, bool reply_requested);
  runtime::Result<void> move_slot();
  runtime::Result<void> send_feedback();
  runtime::Result<void> keep_connection_alive();
  runtime::Instant next_wake() const;
  void look_at_doorbell();

  const Options options_;
  const runtime::Clock& clock_;
  Sink& sink_;
  runtime::Doorbell doorbell_;
  runtime::Published<bool> stop_;
  runtime::Published<std::uint64_t> memory_logs_wanted_;  // so many times
  std::uint64_t memory_logs_written_ = 0;
  Upstream upstream_;
  wal::WalTail* tail_ = nullptr;

  // Of the connection that there is.
  Quorum::Positions reported_;
  wal::Lsn slot_position_;  // that was reported last
  std::optional<Xmin> reported_xmin_;
  runtime::Instant status_sent_{};
  runtime::Instant heard_{};  // when the primary said something last
  bool streaming_ = false;
  bool ping_sent_ = false;      // since then
  bool status_wanted_ = false;  // the primary has asked

  // A failure that lasts is logged once.
  std::string last_report_;
  bool stream_fails_ = false;  // it was refused, or its WAL was, and nothing has been proven since
  std::unique_ptr<runtime::NamedThread> thread_;
};

}  // namespace server::source

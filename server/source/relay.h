#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "runtime/clock.h"
#include "runtime/doorbell.h"
#include "runtime/fd.h"
#include "runtime/published.h"
#include "runtime/thread.h"
#include "server/source/quorum.h"
#include "server/source/source.h"
#include "server/source/upstream.h"
#include "server/source/xmin_horizon.h"
#include "server/wal/inventory.h"
#include "server/wal/retention.h"
#include "server/wal/timelines.h"
#include "server/wal/writer.h"

namespace server::source {

// The upstream's WAL is not ours to continue with.
inline constexpr runtime::ErrorKind kDiverged{"diverged_wal", "XX000"};

// WAL from a primary, received once into a spool and served from there. What a walreceiver does
// (walreceiver.c, WalReceiverMain), in one walk on a thread that waits for the primary, for the
// flusher and for stop() alike.
//   Owner: Server.  Thread: main's until start(), then its own, named "walreceiver".
//   Limits: the spool keeps what its retention says; what lies before is unlinked.
class RelaySource final : public Source {
 public:
  struct Options {
    std::string directory;
    Upstream::Options upstream;
    std::string slot_name;     // primary_slot_name; empty: none
    bool create_slot = false;  // if the primary has none of that name
    runtime::Duration status_interval{};  // wal_receiver_status_interval; 0: only when asked
    runtime::Duration retry_interval{};   // wal_retrieve_retry_interval
    wal::RetentionOptions retention = {};
    std::uint64_t free_bytes_min = 0;  // min_free_space; 0: wal_keep_size never gives way
    // What standbys report, to be passed on; null: it is not. Outlives the relay.
    XminHorizon* xmin_horizon = nullptr;
    runtime::Duration feedback_age_max{};
    // What standbys confirm, where it counts; null: nobody's does. Outlives the relay.
    Quorum* quorum = nullptr;
  };

  RelaySource(Options options, const runtime::Clock& clock);
  ~RelaySource() override { stop(); }

  // A spool that has WAL tells whose it is; else the primary must be there to ask.
  runtime::Result<void> open() override;
  const wal::Identity& identity() const override { return identity_; }
  const std::string& directory() const override { return options_.directory; }
  bool files_are_recycled() const override { return false; }
  runtime::Result<void> start(wal::WalTail& tail, wal::FaultLog& faults,
                              Source::Listener& listener) override;
  void stop() override;
  void log_memory_contexts() override;

 private:
  runtime::Result<PrimaryInfo> connect();
  runtime::Result<void> resume_spool();
  runtime::Result<void> begin_at(const PrimaryInfo& primary);

  void run();
  bool try_primary();
  void report(const runtime::Error& error);
  runtime::Result<void> receive_from_primary();
  void announce();
  runtime::Result<void> check_primary(const PrimaryInfo& primary) const;
  runtime::Result<void> fetch_history_files(wal::TimelineId newest);
  runtime::Result<void> check_fork(const wal::TimelineHistory& history) const;
  runtime::Result<std::optional<NextTimeline>> stream();
  runtime::Result<bool> take_what_has_come();
  runtime::Result<void> take(const wire::XLogData& data);
  runtime::Result<void> write(std::span<const std::byte> wal);
  runtime::Result<void> send_status(bool forced, bool reply_requested = false);
  Quorum::Positions confirmed() const;
  runtime::Result<void> send_feedback();
  runtime::Result<void> keep_connection_alive();
  runtime::Instant next_wake() const;
  runtime::Result<void> follow(const NextTimeline& next);
  runtime::Result<void> flush_all();
  runtime::Result<void> wait(runtime::Instant deadline);
  void look_at_doorbell();

  const Options options_;
  const runtime::Clock& clock_;
  runtime::UniqueFd directory_lock_;
  wal::Identity identity_;  // what open() found; any thread may ask
  std::optional<wal::Inventory> inventory_;
  std::optional<PrimaryInfo> first_primary_;  // of an empty spool

  runtime::Doorbell doorbell_;
  runtime::Published<bool> stop_;
  runtime::Published<std::uint64_t> memory_logs_wanted_;  // so many times
  Upstream upstream_;
  wal::WalTail* tail_ = nullptr;
  Source::Listener* listener_ = nullptr;
  std::optional<wal::Writer> writer_;

  // Of the connection that there is.
  wire::StandbyStatus reported_{};
  std::optional<Xmin> reported_xmin_;
  runtime::Instant status_sent_{};
  runtime::Instant heard_{};   // when the primary said something last
  bool ping_sent_ = false;     // since then
  bool status_wanted_ = false;  // the primary has asked

  std::uint64_t memory_logs_written_ = 0;
  // A failure that lasts is logged once.
  std::string last_report_;
  bool stream_fails_ = false;  // it was refused, or its WAL was, and nothing has been proven since
  std::unique_ptr<runtime::NamedThread> thread_;
};

}  // namespace server::source

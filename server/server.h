#pragma once

#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "memctx/context.h"
#include "memctx/current.h"
#include "runtime/annotations.h"
#include "runtime/clock.h"
#include "runtime/line_writer.h"
#include "runtime/loop.h"
#include "runtime/pool.h"
#include "runtime/result.h"
#include "runtime/signals.h"
#include "server/acceptor.h"
#include "server/admin/access_files.h"
#include "server/admin/certificates.h"
#include "server/admin/service_status.h"
#include "server/admin/shutdown.h"
#include "server/config/config.h"
#include "server/http/http_server.h"
#include "server/listeners.h"
#include "server/server_console.h"
#include "server/session/admissions.h"
#include "server/session/cancel_keys.h"
#include "server/session/process_ids.h"
#include "server/settings/settings.h"
#include "server/slot/slot_holder.h"
#include "server/slot/slot_saver.h"
#include "server/slot/slots.h"
#include "server/source/source.h"
#include "server/stats/collector.h"
#include "server/stats/reports.h"
#include "server/stats/server_facts.h"
#include "server/stats/service_watch.h"
#include "server/wal/fault_log.h"
#include "server/wal/holds.h"
#include "server/wal/segments.h"
#include "server/wal/tail.h"
#include "server/worker.h"

namespace server {

// Builds everything in order, hands each part its references, and stops it all in reverse.
//   Owner: main.  Thread: main's; its own loop carries signals, reports and failures.
class Server final : private runtime::Signals::Handler,
                     private runtime::Timer::Handler,
                     private admin::Shutdown::Handler,
                     private source::Source::Listener {
 public:
  explicit Server(const config::ServeConfig& config);
  ~Server() override;

  // Returns the exit code once the server has stopped; the error if it could not start.
  runtime::Result<int> run();

 private:
  // The time that stop() has for its files at least, however short shutdown_timeout is.
  static constexpr runtime::Duration kLastStepsMin = std::chrono::seconds(1);

  runtime::Result<void> lock_state_directory();
  runtime::Result<void> start();
  runtime::Result<void> start_all_but_acceptors();
  void on_receiver(source::ReceiverState state);
  runtime::Result<void> listen();
  runtime::Result<void> start_to_accept(std::int64_t descriptors);
  void build_stats();
  runtime::Result<void> start_http();
  void build_console();
  void build_workers();
  slot::Slots::Options slot_options();
  std::optional<std::uint64_t> cluster_of_roles() const;
  void reload() REQUIRES(loop_);
  void take_configuration(const config::ConfigReading& reading);
  void reload_files();
  std::size_t metrics_standbys() const {
    return static_cast<std::size_t>(config_.reloadable.http_metrics_standbys);
  }
  void show(settings::Settings shown) REQUIRES(loop_);
  void begin_stop();
  void stop();

  void stop_accepting() override {
    for (const auto& acceptor : acceptors_) acceptor->stop();
  }
  void shut_down_sessions() override;
  void cut_sessions() override {
    for (const auto& worker : workers_) worker->cut_short();
  }
  void on_signal(int signal) override;
  void on_timer(runtime::Timer& timer) override;
  void on_segment_changed(wal::SegmentNo no) override;
  void on_cluster_facts(const wal::ClusterFacts& facts) override;
  void on_changes_lost(const wal::Timelines& timelines, wal::SegmentNo before) override;
  void on_source_failed(const runtime::Error& error) override;

  void log_memory_contexts();

  memctx::Context top_context_{"TopMemoryContext"};  // of main's thread
  const memctx::CurrentGuard current_context_{top_context_};
  config::ServeConfig config_;
  runtime::SystemClock clock_;
  runtime::LineWriter output_;  // standard output: its reader may stand still
  runtime::Loop loop_;
  const runtime::EndOnSignals quits_{SIGQUIT};
  runtime::Signals signals_;
  Listeners listeners_;
  admin::Access access_;
  admin::Certificates certificates_;

  runtime::UniqueFd state_directory_lock_;
  wal::Holds holds_{clock_};  // outlives the source, which asks it
  std::unique_ptr<source::Source> source_;
  std::optional<wal::FaultLog> faults_;
  std::optional<wal::Segments> segments_;
  wal::WalTail tail_;
  std::shared_ptr<const settings::Settings> settings_;  // replaced by a reload
  runtime::Gauge wal_senders_;
  session::ProcessIds process_ids_{static_cast<std::uint32_t>(::getpid())};
  session::CancelKeys cancel_keys_;
  session::Admissions admissions_;
  source::XminHorizon xmin_horizon_;  // this and quorum_ outlive the source, which listens to them
  source::Quorum quorum_;
  std::optional<slot::Slots> slots_;
  std::optional<slot::SlotHolder> slot_holder_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::optional<runtime::Pool> pool_;  // after the workers: its jobs report to their mailboxes
  std::optional<slot::SlotSaver> slot_saver_;
  std::vector<std::unique_ptr<Acceptor>> acceptors_;
  std::optional<stats::ServerFacts> facts_;
  std::optional<stats::Collector> collector_;  // after the workers: its thread posts to them
  std::optional<http::HttpServer> http_;       // after the collector, which its threads ask
  std::optional<ServerConsole> console_;       // behind all that statements look at

  admin::ServiceStatus service_status_ GUARDED_BY(loop_);
  stats::ServiceWatch service_watch_;
  runtime::Timer touch_timer_;
  runtime::Timer stop_timer_;
  stats::Reports reports_;
  std::size_t workers_ended_ GUARDED_BY(loop_) = 0;
  admin::Shutdown shutdown_ GUARDED_BY(loop_){loop_, *this};
  int exit_code_ GUARDED_BY(loop_) = 0;
};

}  // namespace server

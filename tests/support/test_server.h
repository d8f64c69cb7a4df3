#pragma once

#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/clock.h"
#include "runtime/pool.h"
#include "server/acceptor.h"
#include "server/auth/access_policy.h"
#include "server/console/console_thread.h"
#include "server/session/cancel_keys.h"
#include "server/session/pauses.h"
#include "server/settings/settings.h"
#include "server/source/source.h"
#include "server/wal/fault_log.h"
#include "server/wal/segments.h"
#include "server/wal/tail.h"
#include "server/worker.h"

namespace tests {

// Acceptor, workers and all below them, in this process; the test is the source of WAL, or runs
// one.
//   Owner: the test.  Thread: the test's.
//   Limits: one timeline, unless a source that the test runs knows more.
class TestServer final : public server::source::Source::Listener {
 public:
  struct Options {
    std::size_t workers = 1;
    server::Worker::Options worker;
    server::slot::Slots::Options slots;
    std::shared_ptr<const server::auth::AccessPolicy> policy = server::auth::AccessPolicy::open();
    std::shared_ptr<const runtime::TlsContext> tls = nullptr;
    runtime::ConnectionLimits connections;
    std::uint32_t last_process_id = 0;
    server::session::Admissions::Limits admissions;
    server::source::AckPolicy upstream_ack;
    bool has_console = false;  // takes normal connections; its statements see an empty snapshot
    runtime::Duration statement_time_max = std::chrono::seconds(60);
    server::console::AdminVerbs* verbs = nullptr;
  };

  TestServer(std::string directory, const server::wal::Identity& identity, Options options);
  ~TestServer() override { stop(); }

  // Makes [begin, end) of the directory known, on timeline 1, and starts to accept. Call this, or
  // run a source on tail() and faults() and call accept().
  void serve(server::wal::Lsn begin, server::wal::Lsn end);
  void accept();
  void publish(server::wal::Lsn end);
  // As when the file of a segment has changed.
  void on_segment_changed(server::wal::SegmentNo no) override;
  void on_source_failed(const runtime::Error& error) override;
  // As when the configuration was read again, and is what it was.
  void reload();
  // As when it was read again, and has `ssl` off.
  void end_tls();
  // Ends all sessions, and the threads; the WAL is no longer used then.
  void stop();
  // From another thread than the one that stops it: no longer waits for standbys.
  void cut_short();

  std::uint16_t port() const { return port_; }
  std::uint64_t bytes_sent() const;
  server::wal::WalTail& tail() { return tail_; }
  server::wal::FaultLog& faults() { return faults_; }
  std::int64_t wal_senders() const { return wal_senders_.get(); }
  const server::session::Admissions& admissions() const { return admissions_; }
  // The sessions of the first worker, as it sees them.
  std::vector<server::stats::SessionStatus> sessions();
  // Runs `task` on the first worker's thread, and waits for it, or does not.
  void run_in_worker(const std::function<void()>& task);
  void post_to_worker(std::function<void()> task);
  // The names of the first worker's memory contexts, one per line.
  std::string contexts_of_worker();
  server::slot::Slots& slots() { return slots_; }
  server::session::Pauses& pauses() { return pauses_; }
  server::session::CancelKeys& cancel_keys() { return cancel_keys_; }
  std::int64_t console_clients() const { return console_clients_.get(); }
  server::Worker& worker() { return *workers_.front(); }
  server::source::XminHorizon& xmin_horizon() { return xmin_horizon_; }
  const server::source::Quorum& quorum() const { return quorum_; }
  // Waits until `count` sessions are left.
  bool wait_for_sessions(std::size_t count);

 private:
  void start_console();
  server::slot::Slots::Options slot_options(server::slot::Slots::Options options);

  Options options_;
  std::shared_ptr<const server::settings::Settings> settings_;

  runtime::SystemClock clock_;
  server::wal::WalTail tail_;
  server::wal::FaultLog faults_;
  server::wal::Segments segments_;
  runtime::Gauge wal_senders_;
  runtime::Gauge console_clients_;
  server::session::Pauses pauses_;
  server::session::ProcessIds process_ids_;
  server::session::CancelKeys cancel_keys_;
  server::session::Admissions admissions_;
  server::source::XminHorizon xmin_horizon_;
  server::source::Quorum quorum_;
  server::slot::Slots slots_;
  std::vector<std::unique_ptr<server::Worker>> workers_;
  std::unique_ptr<runtime::Pool> pool_;
  std::optional<server::console::ConsoleThread> console_;  // posts to the workers
  std::unique_ptr<server::Acceptor> acceptor_;
  std::uint16_t port_ = 0;
};

}  // namespace tests

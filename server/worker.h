#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "memctx/context.h"
#include "runtime/annotations.h"
#include "runtime/clock.h"
#include "runtime/counters.h"
#include "runtime/intrusive_list.h"
#include "runtime/loop.h"
#include "runtime/pool.h"
#include "runtime/socket.h"
#include "runtime/thread.h"
#include "runtime/tls_context.h"
#include "server/session/admin_verbs.h"
#include "server/session/handshake_queue.h"
#include "server/session/session.h"
#include "server/stats/collector.h"
#include "server/stats/loop_status.h"
#include "server/stream/send_queue.h"
#include "server/stream/wal_view.h"

namespace server {

// One loop with its sessions, its view of the WAL and its memory contexts. Workers share nothing on
// the way of a WAL byte.
//   Owner: Server.  Thread: its own, "loop-N"; adopt(), post_*(), log_memory_contexts(), load()
//   and bytes_sent() may be called by any.
//   Borrows: all that Shared names.
class Worker final : public session::CancelKeys::Target,
                     public session::PausedLoop,
                     public stats::Collector::Answerer,
                     private session::Session::Owner,
                     private runtime::Timer::Handler {
 public:
  struct Options {
    stream::WalView::Options view;
    stream::SendQueue::Options send_queue;
    session::SessionEnvironment::Options session;
    std::size_t client_memory_max = std::size_t{64} << 20;  // of all clients of the worker
  };
  struct Shared {
    const runtime::Clock& clock;
    runtime::Pool& pool;
    wal::Segments& segments;
    std::shared_ptr<const settings::Settings> settings;
    std::shared_ptr<const auth::AccessPolicy> policy;
    std::shared_ptr<const runtime::TlsContext> tls = nullptr;
    std::vector<std::string_view> reported_settings;
    runtime::Gauge& wal_senders;
    console::ConsoleThread* console = nullptr;  // null: normal connections are refused
    runtime::Gauge* console_clients = nullptr;
    const session::Pauses* pauses = nullptr;  // null: no standby is paused
    session::CancelKeys& cancel_keys;
    session::Admissions& admissions;
    source::XminHorizon& xmin_horizon;
    source::Quorum& quorum;
    slot::Slots& slots;
  };

  Worker(std::size_t index, const Shared& shared, Options options);
  ~Worker() override;

  // Before start(): the reader's end of the span queue.
  wal::WalSpanQueue& span_queue() { return view_.queue(); }
  void start();
  // Ends all sessions as a primary's fast shutdown does, within close_timeout, then the thread,
  // whose last act is to call `ended`.
  void begin_shut_down(std::function<void()> ended = {});
  // Does not wait for standbys any longer. REQUIRES: begin_shut_down() was called.
  void cut_short();
  void join() { thread_.reset(); }

  // Takes over an accepted connection.
  void adopt(session::Arrival arrival);
  void post_forget(wal::SegmentNo no);
  void post_cancel(std::uint32_t process_id) override;
  void post_terminate(std::uint32_t process_id) override;
  void post_reload(std::shared_ptr<const settings::Settings> settings,
                   std::shared_ptr<const auth::AccessPolicy> policy,
                   std::shared_ptr<const runtime::TlsContext> tls,
                   const session::SessionEnvironment::Options& options);
  void post_pauses(std::string name, std::function<void(std::int64_t)> told) override;
  void log_memory_contexts() override;
  void post_status(stats::LoopQuestion question,
                   std::function<void(stats::LoopStatus)> take) override;
  // The number of sessions, those included that wait in the mailbox.
  std::int64_t load() const override { return load_.get(); }
  std::uint64_t bytes_sent() const override { return view_.bytes_sent(); }

 private:
  static constexpr runtime::Duration kRetryInterval = std::chrono::seconds(5);

  std::string thread_name() const;
  void run(memctx::Context& top);
  void shut_down() REQUIRES(loop_);
  void cut() REQUIRES(loop_);
  std::vector<session::Session*> all_sessions() const REQUIRES(loop_);
  stats::LoopStatus status(stats::LoopQuestion question) REQUIRES(loop_);
  void on_session_over(session::Session& session) override;
  void on_timer(runtime::Timer& timer) override;

  const std::size_t index_;
  const Shared shared_;
  Options options_;  // after start() its session's part is the worker's thread's
  runtime::Loop loop_;
  stream::WalView view_;
  stream::SendQueue send_queue_;
  stream::MemoryBudget memory_ GUARDED_BY(loop_);
  session::HandshakeQueue handshakes_;
  std::vector<std::byte> input_buffer_;
  session::StrangerLog strangers_ GUARDED_BY(loop_);
  runtime::Timer retry_timer_ GUARDED_BY(loop_);
  runtime::Timer shutdown_timer_ GUARDED_BY(loop_);
  runtime::Gauge load_;

  std::unique_ptr<session::SessionEnvironment> environment_ GUARDED_BY(loop_);
  runtime::IntrusiveList<session::Session> sessions_ GUARDED_BY(loop_);
  bool shutting_down_ GUARDED_BY(loop_) = false;
  std::function<void()> ended_ GUARDED_BY(loop_);

  std::unique_ptr<runtime::NamedThread> thread_;
};

}  // namespace server

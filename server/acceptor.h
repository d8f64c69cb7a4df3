#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/annotations.h"
#include "runtime/clock.h"
#include "runtime/counters.h"
#include "runtime/descriptors.h"
#include "runtime/loop.h"
#include "runtime/result.h"
#include "runtime/socket.h"
#include "runtime/thread.h"
#include "runtime/timer.h"
#include "server/config/config.h"
#include "server/session/admissions.h"
#include "server/session/stranger_log.h"
#include "server/worker.h"

namespace server {

// Accepts connections and hands each to the worker that has the fewest, unless there are too many
// of its kind or from where it comes: then it is told so at once, before it has cost a session.
// Several acceptors share the port by SO_REUSEPORT.
//   Owner: Server.  Thread: its own, "acceptor-N"; all but the loop's calls are main's.
//   Borrows: clock, workers, process ids and admissions.
//   Limits: kAcceptsPerTurn, and those given to start(). All acceptors count the same connections,
//   so that each may pass the limits by one.
class Acceptor final : private runtime::Timer::Handler {
 public:
  Acceptor(std::size_t index, const runtime::Clock& clock,
           const std::vector<std::unique_ptr<Worker>>& workers, session::ProcessIds& process_ids,
           session::Admissions& admissions);
  ~Acceptor() override { stop(); }

  // Takes connections from this listening socket. Before start().
  void listen(runtime::UniqueFd fd);
  void start(const runtime::ConnectionLimits& limits);
  void stop();
  void log_memory_contexts();

 private:
  // One address that is listened on.
  class Listener final : public runtime::Loop::Handler {
   public:
    Listener(Acceptor& acceptor, runtime::UniqueFd fd) : acceptor_(acceptor), fd_(std::move(fd)) {}
    int fd() const { return fd_.get(); }
    void on_ready(std::uint32_t /*events*/) override { acceptor_.accept_all(*this); }

   private:
    Acceptor& acceptor_;
    runtime::UniqueFd fd_;
  };

  static constexpr int kAcceptsPerTurn = 64;
  static constexpr std::size_t kInputDroppedMax = std::size_t{64} << 10;
  static constexpr runtime::Duration kPauseWhenExhausted = std::chrono::milliseconds(100);

  void accept_all(Listener& listener);
  void hand_over(runtime::Accepted accepted, bool too_many) REQUIRES(loop_);
  void turn_away(const runtime::Accepted& accepted, const runtime::Error& error) REQUIRES(loop_);
  void pause(std::string_view why) REQUIRES(loop_);
  std::int64_t open_connections() const;
  void set_listening(bool listening) REQUIRES(loop_);
  Worker& least_loaded() const;
  void on_timer(runtime::Timer& timer) override;

  const std::size_t index_;
  const std::vector<std::unique_ptr<Worker>>& workers_;
  session::ProcessIds& process_ids_;
  session::Admissions& admissions_;
  runtime::Loop loop_;
  session::StrangerLog strangers_ GUARDED_BY(loop_);
  runtime::ConnectionLimits limits_;
  bool pause_logged_ GUARDED_BY(loop_) = false;  // and clients have waited ever since
  runtime::Timer pause_timer_ GUARDED_BY(loop_);
  std::vector<std::unique_ptr<Listener>> listeners_ GUARDED_BY(loop_);
  std::unique_ptr<runtime::NamedThread> thread_;
};

// How many connections leave the process enough of so many descriptors for its files. Warns if
// there are fewer than standbys may come.
runtime::Result<runtime::ConnectionLimits> find_connection_limits(const config::ServeConfig& config,
                                                                  std::int64_t descriptors);

session::Admissions::Limits admission_limits(const config::ClientLimits& limits);

}  // namespace server

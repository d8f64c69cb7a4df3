#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "bench/live/commit_log.h"
#include "bench/live/schedule.h"
#include "bench/live/sql_session.h"
#include "bench/walbench/arrivals.h"
#include "runtime/counters.h"
#include "runtime/doorbell.h"
#include "runtime/fd.h"
#include "runtime/published.h"
#include "runtime/result.h"

namespace bench::live {

// What a session that commits is told.
struct WriterPlan {
  std::string conninfo;
  std::string label;  // of the stamps of what is measured
  std::string body;   // the statements of one transaction, before its stamp
  Schedule schedule;
  const walbench::Windows* windows = nullptr;  // by which it counts
  std::int64_t writers = 1;                    // they take turns
  std::optional<WallNanos> end = {};           // what is due from then on is not written

  // Whether a commit that is due then is not begun any more.
  bool is_over(WallNanos due, WallNanos now) const;
};

// The statement that makes a transaction as long as `bytes`, more or less.
std::string body_of_bytes(std::uint64_t bytes);

// One SQL session that commits at a steady rate. A transaction's statements run before it is due.
// When it is due, its stamp is written and it is committed, by one message, so that nothing can
// flush the stamp before. If a commit takes longer than its turn, the ones after it are late, and
// what they wait counts from their due time on.
//   Owner: LiveRun.  Thread: its own runs run(); stop() and progress are for any; the rest is for
//   others once run() has returned.
//   Borrows: the plan, the log.
class Writer {
 public:
  // It makes the commits index, index + writers and so on of the schedule.
  Writer(std::int64_t index, const WriterPlan& plan, CommitLog& log);

  runtime::Result<void> connect();
  // REQUIRES: connect(), and run() was not called yet.
  int backend_pid() const { return session_->backend_pid(); }
  // Returns when all is written, the plan's end is there, or stop() was called. The session stays:
  // what a session has used that ended would count as the server's own work.
  void run();
  void stop();
  // As stop(), and a server that does not answer is not waited for: the connection is lost.
  void abort();

  // Commits that were measured, so far.
  std::uint64_t written() const { return written_.get(); }
  // The end of the last commit's stamp.
  server::wal::Lsn position() const { return server::wal::Lsn(position_.load()); }

  const walbench::DelaySeries& answers() const { return answers_; }
  // Commits by the window in which they were answered.
  const std::map<std::int64_t, std::uint64_t>& answered() const { return answered_; }
  // When the last one was answered; 0 if none was.
  WallNanos last_answer() const { return last_answer_; }
  // Why it ended early, if it did.
  const std::optional<runtime::Error>& failure() const { return failure_; }

 private:
  runtime::Result<void> write(std::int64_t number);
  bool wait_until(WallNanos time);
  void count(WallNanos due, WallNanos now);

  const std::int64_t index_;
  const WriterPlan& plan_;
  CommitLog& log_;
  std::optional<SqlSession> session_;
  runtime::UniqueFd socket_;  // a second descriptor of the session's, for abort()
  runtime::Doorbell doorbell_;
  runtime::Published<bool> stopped_{false};
  runtime::Counter written_;
  runtime::Published<std::uint64_t> position_{0};
  WallNanos lead_ = 0;  // how long before it is due a transaction begins
  walbench::DelaySeries answers_;
  std::map<std::int64_t, std::uint64_t> answered_;
  WallNanos last_answer_ = 0;
  std::optional<runtime::Error> failure_;
};

}  // namespace bench::live

#pragma once

#include <array>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "bench/live/commit_log.h"
#include "bench/live/schedule.h"
#include "bench/live/sql_session.h"
#include "bench/results/live_result.h"
#include "bench/walbench/histogram.h"
#include "runtime/clock.h"
#include "runtime/doorbell.h"
#include "runtime/published.h"
#include "server/wal/lsn.h"

namespace bench::live {

// How far the standbys of a primary are that are none of the fleet, by pg_stat_replication, looked
// at again and again on a connection of its own. A commit counts as written, flushed or applied at
// the end of the first look that shows it so: a time is up to one look too long, and to that what
// the standby's own reports are late. Beside it stand the primary's own measurements (write_lag
// and so on, from its local flush on), taken whenever a look shows that a standby has moved.
//   Owner: LiveRun.  Thread: its own runs run(); stop() is for any; result() for others once run()
//   has returned.
//   Borrows: the log.
//   Limits: three small positions and six Histograms for each standby; kStandbysMax standbys, which
//   are those that came first. One that comes again is another one. How many were left out is told.
class StageWatch {
 public:
  static constexpr std::size_t kStandbysMax = 64;

  struct Options {
    std::string conninfo;
    std::string fleet_name;  // the application names of the fleet begin so
    runtime::Duration interval{};
  };

  // One standby as one look shows it; none: it has not reported that yet.
  struct Look {
    std::string name;
    struct Stage {
      std::optional<server::wal::Lsn> position;
      std::optional<std::uint64_t> lag_us;
      std::uint64_t lag_bytes = 0;
    };
    std::array<Stage, 3> stages;
  };

  StageWatch(Options options, const CommitLog& log);

  // Connects, and returns how many standbys there are to watch.
  runtime::Result<std::size_t> connect();
  // REQUIRES: connect(), and run() was not called yet.
  int backend_pid() const { return session_->backend_pid(); }
  // Returns after stop(), or when the session is lost.
  void run();
  void stop();

  // What a look that ended at `now` has shown, and how many standbys more there were.
  void take(const std::vector<Look>& looks, WallNanos now, std::uint64_t more = 0);

  results::RealStandbys result() const;

 private:
  struct Stage {
    std::size_t next = 0;  // the first commit that has not been seen here
    server::wal::Lsn position;
    walbench::Histogram from_due_us;
    walbench::Histogram from_local_flush_us;
    std::uint64_t lag_bytes_max = 0;
  };
  using Standby = std::array<Stage, 3>;

  // What one look shows: no more than kStandbysMax standbys.
  struct Looks {
    std::vector<Look> shown;
    std::uint64_t more = 0;  // that it does not show
  };

  runtime::Result<Looks> look();
  void take(Stage& stage, const Look::Stage& seen, WallNanos now) const;

  const Options options_;
  const CommitLog& log_;
  std::optional<SqlSession> session_;
  runtime::Doorbell doorbell_;
  runtime::Published<bool> stopped_{false};
  std::vector<CommitLog::Commit> commits_;
  std::map<std::string, Standby> standbys_;
  std::uint64_t unwatched_ = 0;  // the most that a look had
  walbench::Histogram gaps_us_;  // from one look to the next
  WallNanos last_look_ = 0;
};

}  // namespace bench::live

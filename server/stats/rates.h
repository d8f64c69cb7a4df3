#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "runtime/clock.h"
#include "server/stats/session_status.h"
#include "server/wal/lsn.h"

namespace server::stats {

// How fast figures grow, from one snapshot to another.
//   Owner: Collector.  Thread: the collector's.
//   Limits: a sample of each session that there is, and kWindow of samples of WAL's end.
class Rates {
 public:
  static constexpr runtime::Duration kSampleInterval = std::chrono::seconds(1);
  static constexpr runtime::Duration kWindow = std::chrono::minutes(1);

  // Sets bytes_per_second of each: since the last snapshot that is a second older or more.
  void rate(std::vector<SessionStatus>& sessions, runtime::Instant now);
  // WAL ended there. An end that goes back begins anew.
  void note_end(wal::Lsn end, runtime::Instant now);
  // Bytes of WAL in a second, of the last minute; none until two samples are there.
  std::optional<double> wal_rate() const;

 private:
  struct Sample {
    std::uint64_t bytes = 0;
    runtime::Instant at{};
    double rate = 0;
  };
  struct End {
    wal::Lsn end;
    runtime::Instant at;
  };

  std::map<std::uint32_t, Sample> sessions_;  // by process id
  std::deque<End> ends_;
};

}  // namespace server::stats

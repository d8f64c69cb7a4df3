#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "runtime/clock.h"
#include "server/stats/session_status.h"

namespace server::stats {

// The standbys as people look at them: one row each, with the rate since the last look. On a
// terminal it is drawn over the one before; elsewhere it is plain lines.
//   Owner: Server.  Thread: main's.
//   Limits: rows_max rows; the others are summed up in one.
class StandbyTable {
 public:
  struct Options {
    bool terminal = false;
    std::size_t rows_max = 24;
  };

  explicit StandbyTable(Options options) : options_(options) {}

  // The text to print for these rows, which may come in any order.
  std::string render(std::vector<SessionStatus> rows, wal::Lsn end, runtime::Instant now);

 private:
  std::string line(const SessionStatus& row, double bytes_per_second) const;

  const Options options_;
  runtime::Instant last_time_{};
  std::map<std::uint32_t, std::uint64_t> last_bytes_;  // by process id
  std::size_t lines_drawn_ = 0;
};

// "1.5 MB": three digits and a unit.
std::string human_bytes(double bytes);
// "12 ms".
std::string human_duration(runtime::Duration duration);

}  // namespace server::stats

#pragma once

// What `walbench live` has measured, as plain values. Times are in microseconds if their names end
// in _us; places in time are seconds since the measurement's begin.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace bench::results {

// Of a number of delays. A percentile is none if they are too few to tell it (is_told()).
struct Percentiles {
  std::uint64_t count = 0;
  std::optional<double> p50_us = {};
  std::optional<double> p90_us = {};
  std::optional<double> p99_us = {};
  std::optional<double> p999_us = {};
  std::optional<double> p9999_us = {};
  double max_us = 0;  // 0 if there are none

  bool is_told_in_full() const { return p9999_us.has_value(); }
};

// So much of all delays is at most so long.
struct CurvePoint {
  double fraction = 0;
  double us = 0;
};

// The commits that were due in one window of time.
struct Window {
  double at = 0;  // its begin
  std::uint64_t count = 0;
  double p50_us = 0;
  double p99_us = 0;
  double max_us = 0;
};

struct Delays {
  Percentiles all;
  std::vector<CurvePoint> curve;  // by fraction
  std::vector<Window> windows;    // by time
};

// The standbys that behave alike.
struct StandbyClass {
  std::string name;
  std::size_t standbys = 0;
  Delays arrival;  // from when a COMMIT was due to the arrival of its WAL
};

struct StandbyDelays {
  std::size_t index = 0;
  std::size_t class_index = 0;  // of LiveResult::classes
  std::uint64_t count = 0;
  double p50_us = 0;
  double p99_us = 0;
  double max_us = 0;
};

// What was done per second in one window.
struct Throughput {
  double at = 0;
  double commits = 0;
  double deliveries = 0;
};

// How far the fleet was behind the primary at one time.
struct Lag {
  double at = 0;
  double median_bytes = 0;
  double max_bytes = 0;
  std::size_t stragglers = 0;  // that lacked what was committed a second before
};

// A standby that pg_stat_replication shows, and that is none of the fleet.
struct RealStandby {
  struct Stage {
    std::string name;              // "written", "flushed", "applied"
    Percentiles from_due;          // to the first look that saw the commit there
    Percentiles from_local_flush;  // write_lag and so on, as often as a look saw the LSN moved
    double lag_bytes_max = 0;      // behind the primary's flushed WAL
  };
  std::string name;
  std::vector<Stage> stages;
};

struct RealStandbys {
  double resolution_us = 0;  // median time from one look to the next
  std::uint64_t looks = 0;
  std::uint64_t unwatched = 0;  // standbys beyond the limit, at one time
  std::vector<RealStandby> standbys;
};

// What the server that serves the standbys has used.
struct ServerCost {
  std::vector<int> pids;
  std::size_t processes = 0;  // with children, at the end
  double cpu_seconds = 0;     // user and system, of those that have ended too
  double cpu_us_per_commit = 0;
  double cpu_us_per_delivery = 0;
  double cpu_seconds_per_gb = 0;  // 2^30 bytes of WAL that the fleet has received
  std::uint64_t voluntary_switches = 0;
  std::uint64_t involuntary_switches = 0;
  std::optional<double> pss_bytes_per_standby;  // none: /proc does not say
};

struct Setup {
  // Standbys that behave alike, and how, by the keys of a scenario file.
  struct Group {
    std::string name;
    std::size_t standbys = 0;
    std::vector<std::pair<std::string, std::string>> does;
  };
  std::string time;  // ISO 8601, UTC
  std::string command;
  std::string walbench_version;
  std::string server;   // host and port that the standbys are on
  std::string primary;  // version() of the server that is written to
  std::string machine;  // processor, kernel
  unsigned processors = 0;
  std::size_t standbys = 0;
  std::string scenario = {};  // file; empty: none
  std::uint64_t seed = 0;     // of the scenario
  std::vector<Group> groups = {};
  std::string sslmode;
  double rate = 0;  // asked for, commits per second
  std::size_t writers = 0;
  std::uint64_t commit_bytes = 0;
  std::string script;  // file; empty: none
  double window_seconds = 0;
};

struct LiveResult {
  Setup setup;
  double seconds = 0;         // from the first measured commit's due time to the last's end
  std::uint64_t commits = 0;  // written
  std::uint64_t commits_asked = 0;
  double commits_per_second = 0;  // as reached
  double wal_bytes_per_commit = 0;
  Delays commit;  // from when a COMMIT was due to its answer
  // To standbys that came at the begin of the run, here and in the next.
  std::uint64_t deliveries = 0;
  std::uint64_t deliveries_expected = 0;  // commits, by standbys that streamed to the end
  std::uint64_t wal_bytes = 0;            // that the fleet has received meanwhile
  std::vector<StandbyClass> classes;      // that have standbys
  std::vector<StandbyDelays> standbys;
  std::vector<Throughput> throughput;
  std::vector<Lag> lag;
  std::optional<RealStandbys> real;
  std::optional<ServerCost> server;
  std::uint64_t failed_standbys = 0;
  // Processors that were busy with what is neither walbench nor, if it was measured, the server.
  std::optional<double> others_cpu;

  // By how much the wall clock was set meanwhile, the most at once; 0 if it was not.
  double clock_set_by_seconds = 0;
  bool was_stopped = false;         // by a signal, before all was written
  std::string writer_failure = {};  // why a writer ended early; empty if none did

  bool succeeded() const {
    return failed_standbys == 0 && commits == commits_asked && writer_failure.empty();
  }
  bool all_delivered() const { return deliveries >= deliveries_expected; }
};

}  // namespace bench::results

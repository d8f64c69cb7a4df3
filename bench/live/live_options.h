#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "bench/walbench/options.h"
#include "runtime/clock.h"

namespace bench::live {

// What the command line of `walbench live` says.
struct LiveOptions {
  walbench::Options fleet;

  std::string conninfo;      // of the primary that is written to
  double rate = 200;         // commits per second
  std::int64_t commits = 0;  // to measure; by rate and duration if only those are given
  std::optional<runtime::Duration> duration;  // after which nothing is written
  runtime::Duration warm_up = std::chrono::seconds(2);
  std::uint64_t commit_bytes = 100;
  std::string script_file;
  std::string script;  // its statements
  std::int64_t writers = 1;
  runtime::Duration look_interval = std::chrono::milliseconds(20);
  std::vector<pid_t> server_pids;

  std::string html_file;
  std::string json_file;  // "-": standard output, instead of the table
  std::string command;    // as it was given

  // Of what is shown over time: a second, or more so that there are at most kWindowsMax.
  static constexpr std::int64_t kWindowsMax = 300;
  runtime::Duration window() const;
};

// argv[0] is "live".
std::variant<LiveOptions, walbench::ExitStatus> parse_live_options(int argc,
                                                                   const char* const* argv);

}  // namespace bench::live

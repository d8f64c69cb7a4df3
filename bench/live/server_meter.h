#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "bench/live/process_tree.h"
#include "bench/results/live_result.h"

namespace bench::live {

// What a server uses for a fleet: memory from before the fleet comes until its work is done, CPU
// and switches while it is measured.
//   Owner: LiveRun.  Thread: the owner's.
class ServerMeter {
 public:
  // `others`: children of the server that are not counted, as the sessions that write.
  ServerMeter(std::vector<pid_t> pids, std::vector<pid_t> others)
      : tree_(std::move(pids), std::move(others)) {}

  // In this order, each once.
  void before_fleet() { pss_before_ = tree_.pss(); }
  void begin() { before_ = tree_.use(); }
  void end();

  struct Work {
    std::uint64_t commits = 0;
    std::uint64_t deliveries = 0;
    std::uint64_t wal_bytes = 0;
    std::size_t standbys = 0;
  };
  results::ServerCost result(const Work& work) const;

 private:
  const ProcessTree tree_;
  ProcessUse before_;
  ProcessUse after_;
  std::optional<std::uint64_t> pss_before_;
  std::optional<std::uint64_t> pss_after_;
};

// What other work the host does meanwhile.
//   Owner: LiveRun.  Thread: the owner's.
class HostMeter {
 public:
  void begin() { before_ = take(); }
  void end() { after_ = take(); }
  // How many processors the work of others has taken, all in all: what is neither this process's
  // nor, of the server's, so many seconds. None if it is not known.
  std::optional<double> others(double server_seconds) const;

 private:
  struct Use {
    std::uint64_t at_ns = 0;
    std::uint64_t host_ns = 0;
    std::uint64_t own_ns = 0;
  };
  static Use take();

  Use before_;
  Use after_;
};

}  // namespace bench::live

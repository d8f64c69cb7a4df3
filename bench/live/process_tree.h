#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace bench::live {

// What processes and their children have used, by /proc. Between two readings it only grows, but
// for what is of those that live.
struct ProcessUse {
  std::size_t processes = 0;
  // User and system time: of those that live by their CPU-time clocks, in full; of children that
  // have ended, and were waited for, in ticks of 10 ms.
  std::uint64_t cpu_ns = 0;
  // Of threads that live.
  std::uint64_t voluntary_switches = 0;
  std::uint64_t involuntary_switches = 0;
};

// Some processes with all that descend from them, but for some children.
//   Owner: LiveRun.  Thread: the owner's; calls read /proc, once for each process of the host.
class ProcessTree {
 public:
  ProcessTree(std::vector<pid_t> roots, std::vector<pid_t> without)
      : roots_(std::move(roots)), without_(std::move(without)) {}

  const std::vector<pid_t>& roots() const { return roots_; }
  // Those of the roots that do not exist.
  std::vector<pid_t> missing() const;
  ProcessUse use() const;
  // The sum of their proportional set sizes in bytes; none if /proc does not show one of them, as
  // to another user. Costs as much as the processes have memory.
  std::optional<std::uint64_t> pss() const;

 private:
  std::vector<pid_t> members() const;

  const std::vector<pid_t> roots_;
  const std::vector<pid_t> without_;
};

// What all processors of the host have worked since it was started, by /proc/stat; 0 if it does not
// say.
std::uint64_t host_busy_ns();
// The same from its text, in ticks.
std::optional<std::uint64_t> parse_busy_ticks(const std::string& text);

// From the text of /proc/PID/stat: its parent, and the CPU time of its ended children in ticks.
struct ProcessStat {
  pid_t parent = 0;
  std::uint64_t children_ticks = 0;
};
std::optional<ProcessStat> parse_process_stat(const std::string& text);
// The number behind "name:" in a file such as /proc/PID/status; none if there is none.
std::optional<std::uint64_t> number_behind(const std::string& text, const std::string& name);

}  // namespace bench::live

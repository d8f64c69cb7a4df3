#include "bench/live/process_tree.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <ctime>
#include <map>
#include <set>
#include <sstream>
#include <string_view>

#include "runtime/file.h"
#include "runtime/format.h"

namespace bench::live {

using runtime::format;

namespace {

constexpr std::size_t kTextMax = 16 * 1024;  // of one process
constexpr std::size_t kHostTextMax = 1 << 20;
constexpr std::uint64_t kNanosPerSecond = 1'000'000'000;

// Of a file of /proc. A process that is gone has none.
std::optional<std::string> text_of(const std::string& path) {
  const auto text = runtime::read_text(path, kTextMax);
  if (!text) return std::nullopt;
  return *text;
}

std::optional<pid_t> number_in(std::string_view text) {
  pid_t number = 0;
  const auto [end, wrong] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (wrong != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::vector<pid_t> numbers_in(const std::string& directory) {
  std::vector<pid_t> numbers;
  const auto names = runtime::list_directory(directory);
  if (!names) return numbers;
  for (const std::string& name : *names) {
    if (const auto number = number_in(name)) numbers.push_back(*number);
  }
  return numbers;
}

std::uint64_t cpu_clock_ns(pid_t pid) {
  clockid_t clock{};
  timespec time{};
  if (::clock_getcpuclockid(pid, &clock) != 0 || ::clock_gettime(clock, &time) != 0) return 0;
  return static_cast<std::uint64_t>(time.tv_sec) * kNanosPerSecond +
         static_cast<std::uint64_t>(time.tv_nsec);
}

std::uint64_t ticks_to_ns(std::uint64_t ticks) {
  return ticks * (kNanosPerSecond / static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK)));
}

// The main thread's status has no other thread's switches.
void add_switches(pid_t pid, ProcessUse& use) {
  const std::string tasks = format("/proc/{}/task", pid);
  for (const pid_t thread : numbers_in(tasks)) {
    const auto status = text_of(format("{}/{}/status", tasks, thread));
    if (!status) continue;
    use.voluntary_switches += number_behind(*status, "voluntary_ctxt_switches").value_or(0);
    use.involuntary_switches += number_behind(*status, "nonvoluntary_ctxt_switches").value_or(0);
  }
}

}  // namespace

std::vector<pid_t> ProcessTree::missing() const {
  std::vector<pid_t> missing;
  for (const pid_t pid : roots_) {
    if (!text_of(format("/proc/{}/stat", pid))) missing.push_back(pid);
  }
  return missing;
}

std::vector<pid_t> ProcessTree::members() const {
  std::multimap<pid_t, pid_t> children;
  for (const pid_t pid : numbers_in("/proc")) {
    const auto text = text_of(format("/proc/{}/stat", pid));
    const auto stat = text ? parse_process_stat(*text) : std::nullopt;
    if (stat) children.emplace(stat->parent, pid);
  }
  std::vector<pid_t> members = roots_;
  std::set<pid_t> known(without_.begin(), without_.end());
  known.insert(members.begin(), members.end());
  for (std::size_t i = 0; i < members.size(); ++i) {
    const auto [begin, end] = children.equal_range(members[i]);
    for (auto child = begin; child != end; ++child) {
      if (known.insert(child->second).second) members.push_back(child->second);
    }
  }
  return members;
}

ProcessUse ProcessTree::use() const {
  ProcessUse use;
  for (const pid_t pid : members()) {
    const auto text = text_of(format("/proc/{}/stat", pid));
    const auto stat = text ? parse_process_stat(*text) : std::nullopt;
    if (!stat) continue;
    ++use.processes;
    use.cpu_ns += cpu_clock_ns(pid) + ticks_to_ns(stat->children_ticks);
    add_switches(pid, use);
  }
  return use;
}

std::optional<std::uint64_t> ProcessTree::pss() const {
  std::uint64_t sum = 0;
  for (const pid_t pid : members()) {
    const auto rollup = runtime::read_text(format("/proc/{}/smaps_rollup", pid), kTextMax);
    if (rollup) sum += number_behind(*rollup, "Pss").value_or(0) * 1024;
    // One that has ended meanwhile has no memory any more.
    if (!rollup && (rollup.error().sys_errno == EACCES || rollup.error().sys_errno == EPERM)) {
      return std::nullopt;
    }
  }
  return sum;
}

std::uint64_t host_busy_ns() {
  const auto text = runtime::read_text("/proc/stat", kHostTextMax);
  return ticks_to_ns(text ? parse_busy_ticks(*text).value_or(0) : 0);
}

// user, nice, system, idle, iowait, irq, softirq, steal (proc(5)): all but the two in which nothing
// is done.
std::optional<std::uint64_t> parse_busy_ticks(const std::string& text) {
  std::istringstream fields(text);
  std::string name;
  std::array<std::uint64_t, 8> ticks{};
  fields >> name;
  for (std::uint64_t& field : ticks) fields >> field;
  if (!fields || name != "cpu") return std::nullopt;
  return ticks[0] + ticks[1] + ticks[2] + ticks[5] + ticks[6] + ticks[7];
}

// Its second field is a name in parentheses, which may have any character in it.
std::optional<ProcessStat> parse_process_stat(const std::string& text) {
  const auto name_end = text.rfind(')');
  if (name_end == text.npos) return std::nullopt;
  std::istringstream fields(text.substr(name_end + 1));
  std::string skipped;
  ProcessStat stat;
  constexpr int kFromParentToChildren = 11;  // pgrp (5) up to stime (15), proc(5)
  fields >> skipped >> stat.parent;
  for (int i = 0; i < kFromParentToChildren; ++i) fields >> skipped;
  std::uint64_t user = 0;
  std::uint64_t system = 0;
  fields >> user >> system;
  if (!fields) return std::nullopt;
  stat.children_ticks = user + system;
  return stat;
}

std::optional<std::uint64_t> number_behind(const std::string& text, const std::string& name) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with(name + ":")) continue;
    std::istringstream rest(line.substr(name.size() + 1));
    std::uint64_t number = 0;
    if (rest >> number) return number;
    return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace bench::live

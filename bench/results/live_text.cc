#include "bench/results/live_text.h"

#include <algorithm>

#include "bench/walbench/report.h"
#include "runtime/format.h"

namespace bench::results {

using runtime::format;
using walbench::format_bytes;
using walbench::format_micros;

namespace {

constexpr double kBehind = 0.95;  // of the rate that was asked for

std::vector<std::string> delays_row(const std::string& name, const Percentiles& of) {
  std::vector<std::string> row{name, format("{}", of.count)};
  for (const auto us : {of.p50_us, of.p90_us, of.p99_us, of.p999_us, of.p9999_us}) {
    row.push_back(delay_text(us));
  }
  row.push_back(of.count == 0 ? "-" : format_micros(of.max_us));
  return row;
}

std::vector<std::string> delays_head(const char* name) {
  return {name, "count", "p50", "p90", "p99", "p99.9", "p99.99", "max"};
}

std::string aligned(const Table& table) {
  std::vector<std::size_t> widths;
  for (const auto& row : table) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (const auto& row : table) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      text +=
          i == 0 ? format("  {:<{}}", row[i], widths[i]) : format("  {:>{}}", row[i], widths[i]);
    }
    text.erase(text.find_last_not_of(' ') + 1);
    text += "\n";
  }
  return text;
}

bool has_untold(const Percentiles& of) { return of.count != 0 && !of.is_told_in_full(); }

}  // namespace

std::string delay_text(std::optional<double> micros) {
  return micros.has_value() ? format_micros(*micros) : "-";
}

std::string remark_on_delays(const LiveResult& result) {
  bool untold = has_untold(result.commit.all);
  for (const StandbyClass& of : result.classes) untold = untold || has_untold(of.arrival.all);
  if (result.real.has_value()) {
    for (const RealStandby& standby : result.real->standbys) {
      for (const RealStandby::Stage& stage : standby.stages) {
        untold = untold || has_untold(stage.from_due) || has_untold(stage.from_local_flush);
      }
    }
  }
  if (!untold) return "";
  return "A percentile is -, not known, where the delays are too few to have a longer one: p99.9 is"
         " of 1000 delays or more, p99.99 of 10000. max is the longest of them.";
}

Table delays_table(const LiveResult& result) {
  Table table{delays_head("from COMMIT due to")};
  for (const StandbyClass& of : result.classes) {
    table.push_back(delays_row(format("arrival, {} {}", of.standbys, of.name), of.arrival.all));
  }
  table.push_back(delays_row("answer to the writer", result.commit.all));
  return table;
}

Table stages_table(const LiveResult& result) {
  Table table{delays_head("real standby")};
  for (const RealStandby& standby : result.real->standbys) {
    for (const RealStandby::Stage& stage : standby.stages) {
      table.push_back(
          delays_row(format("{}, {} since due", standby.name, stage.name), stage.from_due));
      table.push_back(delays_row(format("{}, {} since local flush", standby.name, stage.name),
                                 stage.from_local_flush));
    }
  }
  return table;
}

Table server_table(const LiveResult& result) {
  const ServerCost& cost = *result.server;
  const auto commits = static_cast<double>(std::max<std::uint64_t>(result.commits, 1));
  const auto switches = [&](std::uint64_t count) {
    return format("{}, {:.1f} per commit", count, static_cast<double>(count) / commits);
  };
  return {
      {"server", ""},
      {"CPU", format("{:.2f} s, {} processes", cost.cpu_seconds, cost.processes)},
      {"CPU per commit", format("{:.1f} us", cost.cpu_us_per_commit)},
      {"CPU per delivery", format("{:.2f} us", cost.cpu_us_per_delivery)},
      {"CPU per GB delivered", format("{:.2f} s", cost.cpu_seconds_per_gb)},
      {"voluntary switches", switches(cost.voluntary_switches)},
      {"involuntary switches", switches(cost.involuntary_switches)},
      {"PSS per standby",
       cost.pss_bytes_per_standby ? format_bytes(*cost.pss_bytes_per_standby) : "unknown"},
  };
}

std::string summary_of(const LiveResult& result) {
  const StandbyClass* of = result.classes.empty() ? nullptr : &result.classes.front();
  std::string text = format(
      "{} standbys on {}, {} commits of {} of WAL at {:.1f} per second ({:g} asked for)",
      result.setup.standbys, result.setup.server, result.commits,
      format_bytes(result.wal_bytes_per_commit), result.commits_per_second, result.setup.rate);
  if (of == nullptr || of->arrival.all.count == 0) return text + ": nothing arrived.";
  const Percentiles& all = of->arrival.all;
  if (!all.p50_us.has_value()) {
    return text + format(": the one delivery to {} standbys took {} from when its COMMIT was due.",
                         of->name, format_micros(all.max_us));
  }
  text += format(
      ": half of the deliveries to {} standbys took {} or less from when their COMMIT"
      " was due, ",
      of->name, format_micros(*all.p50_us));
  return text + (all.p99_us.has_value()
                     ? format("99 of 100 took {} or less.", format_micros(*all.p99_us))
                     : format("and the longest {}.", format_micros(all.max_us)));
}

std::vector<std::string> warnings_of(const LiveResult& result) {
  std::vector<std::string> warnings;
  if (result.commits_per_second < kBehind * result.setup.rate) {
    warnings.push_back(format(
        "The primary was behind: {:.1f} of {:g} commits per second. What is due waits, and the"
        " delays tell how long the run was, and not more.",
        result.commits_per_second, result.setup.rate));
  }
  if (result.clock_set_by_seconds != 0) {
    warnings.push_back(
        format("The wall clock was set by {:+.3f} s meanwhile: what was under way then looks later"
               " or earlier than it was.",
               result.clock_set_by_seconds));
  }
  if (result.real.has_value() && result.real->unwatched != 0) {
    warnings.push_back(format("{} real standbys were not watched, beside the {} that were.",
                              result.real->unwatched, result.real->standbys.size()));
  }
  if (!result.writer_failure.empty()) {
    warnings.push_back(format("A writer ended early: {}.", result.writer_failure));
  }
  if (result.was_stopped) {
    warnings.push_back(format("It was stopped by a signal, after {} of {} commits.", result.commits,
                              result.commits_asked));
  } else if (result.commits < result.commits_asked) {
    warnings.push_back(format(
        "{} commits that were due were not written: {}.", result.commits_asked - result.commits,
        result.clock_set_by_seconds == 0 ? "the time was over" : "the clock was set"));
  }
  if (!result.all_delivered()) {
    warnings.push_back(
        format("{} of {} deliveries were seen.", result.deliveries, result.deliveries_expected));
  }
  if (result.failed_standbys != 0) {
    warnings.push_back(format("{} standbys failed.", result.failed_standbys));
  }
  return warnings;
}

std::string to_text(const LiveResult& result) {
  std::string text = summary_of(result) + "\n\n" + aligned(delays_table(result));
  if (result.server.has_value()) text += "\n" + aligned(server_table(result));
  if (result.others_cpu.has_value()) {
    text += format("\n  {:.2f} of {} processors were busy with other work\n", *result.others_cpu,
                   result.setup.processors);
  }
  if (result.real.has_value()) {
    text += format("\n{}  seen by {} looks, {} apart\n", aligned(stages_table(result)),
                   result.real->looks, format_micros(result.real->resolution_us));
  }
  if (const std::string remark = remark_on_delays(result); !remark.empty()) {
    text += "\n  " + remark + "\n";
  }
  for (const std::string& warning : warnings_of(result)) text += "\n" + warning + "\n";
  return text;
}

std::string to_text(const LiveProgress& progress) {
  return format(
      "{:6.1f} s  {} standbys  {:7.1f} commits/s  {:9.0f} deliveries/s  p50 {:>8}  p99 {:>8}"
      "  {} stragglers  {} failed{}",
      progress.at, progress.streaming, progress.commits_per_second, progress.deliveries_per_second,
      delay_text(progress.p50_us), delay_text(progress.p99_us), progress.stragglers,
      progress.failed, progress.at < 0 ? "  (warming up)" : "");
}

}  // namespace bench::results

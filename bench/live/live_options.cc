#include "bench/live/live_options.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <string_view>

#include "bench/live/sql_session.h"
#include "bench/walbench/arguments.h"
#include "runtime/file.h"
#include "runtime/format.h"

namespace bench::live {

using runtime::format;
using walbench::BareNumber;
using walbench::ExitStatus;

namespace {

constexpr std::size_t kScriptBytesMax = 1 << 20;
constexpr std::int64_t kCommitsMax = 100'000'000;
constexpr int kWritersMax = 64;                         // each has a Histogram for each window
constexpr std::uint64_t kDefaultDuration = 10'000'000;  // microseconds

double seconds(runtime::Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

// The times as numbers, as they are read.
struct Micros {
  std::uint64_t duration = 0;
  std::uint64_t warm_up = 2'000'000;
  std::uint64_t look_interval = 20'000;
};

void add_load(CLI::App& app, LiveOptions& options, std::string& target, Micros& micros) {
  app.add_option("--write", target,
                 "Primary to write to: HOST:PORT or a conninfo; the standbys' own if not given");
  app.add_option("--rate", options.rate, "Commits per second: 200/s")
      ->check(CLI::Range(0.01, 1e6).description(""))
      ->transform(walbench::times_per_second());
  app.add_option("--commits", options.commits, "How many commits to measure")
      ->check(CLI::Range(std::int64_t{1}, kCommitsMax));
  walbench::add_duration(app, "--duration", micros.duration,
                         "What is due after this time is not written; 10s without --commits");
  walbench::add_duration(app, "--warm-up", micros.warm_up,
                         "Commits of this time are not counted: 2s");
  app.add_option("--commit-bytes", options.commit_bytes, "WAL of one transaction, about: 100B")
      ->check(CLI::Range(std::uint64_t{0}, std::uint64_t{256} << 20).description(""))
      ->transform(walbench::size_with_unit(BareNumber::kAllowed));
  app.add_option("--script", options.script_file,
                 "File with the SQL statements of one transaction, instead")
      ->check(CLI::ExistingFile)
      ->excludes("--commit-bytes");
  app.add_option("--writers", options.writers, "Sessions that commit in turns")
      ->check(CLI::Range(1, kWritersMax))
      ->capture_default_str();
}

void add_reports(CLI::App& app, LiveOptions& options, Micros& micros) {
  app.add_option("--server-pid", options.server_pids,
                 "Process of the server, whose CPU and memory are counted with its children's;"
                 " may be given again")
      ->check(CLI::Range(1, 1 << 30));
  walbench::add_duration(app, "--look-interval", micros.look_interval,
                         "Time between two looks at pg_stat_replication, for real standbys: 20ms");
  app.add_option("--html", options.html_file, "Write a page with plots to this file");
  app.add_option("--json", options.json_file,
                 "Write all figures to this file; to standard output without a file")
      ->expected(0, 1)
      ->default_str("-");
}

// What psql and pgbench would take for themselves is no statement.
std::optional<std::string> read_script(LiveOptions& options) {
  const auto text = runtime::read_text(options.script_file, kScriptBytesMax);
  if (!text) return text.error().what;
  std::string_view rest = *text;
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    const auto first = line.find_first_not_of(" \t");
    if (first != line.npos && line[first] == '\\') {
      return format("--script: only SQL can be run, not \"{}\"", line);
    }
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
  }
  options.script = *text;
  return std::nullopt;
}

// For a page that may be shown around, so without what may be a password.
std::string command_of(int argc, const char* const* argv) {
  std::string command = "walbench live";
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    const bool has_password =
        argument.find("password") != argument.npos || argument.find("://") != argument.npos;
    command += format(" {}", has_password ? "(conninfo)" : argument);
  }
  return command;
}

std::string target_of(const walbench::Options& fleet) {
  const bool is_ipv6 = fleet.host.find(':') != fleet.host.npos;
  return is_ipv6 ? format("[{}]:{}", fleet.host, fleet.port)
                 : format("{}:{}", fleet.host, fleet.port);
}

std::optional<std::string> finish(LiveOptions& options, const std::string& target, Micros& micros) {
  const auto conninfo =
      conninfo_of(target.empty() ? target_of(options.fleet) : target, options.fleet.user);
  if (!conninfo) return "--write: HOST:PORT or a conninfo is expected, not " + target;
  options.conninfo = *conninfo;
  options.warm_up = walbench::from_micros(micros.warm_up);
  options.look_interval = walbench::from_micros(micros.look_interval);
  if (options.commits == 0 && micros.duration == 0) micros.duration = kDefaultDuration;
  if (micros.duration != 0) options.duration = walbench::from_micros(micros.duration);
  if (options.commits == 0) {
    const double commits = std::floor(options.rate * seconds(*options.duration));
    if (commits < 1 || commits > static_cast<double>(kCommitsMax)) {
      return "--rate and --duration: at least one commit, and at most 100 million";
    }
    options.commits = static_cast<std::int64_t>(commits);
  }
  if (!options.script_file.empty()) return read_script(options);
  return std::nullopt;
}

}  // namespace

runtime::Duration LiveOptions::window() const {
  const double length = static_cast<double>(commits) / rate;
  const auto whole =
      static_cast<std::int64_t>(std::ceil(length / static_cast<double>(kWindowsMax)));
  return std::chrono::seconds(std::max<std::int64_t>(1, whole));
}

std::variant<LiveOptions, ExitStatus> parse_live_options(int argc, const char* const* argv) {
  LiveOptions options;
  std::string target;
  Micros micros;
  walbench::FleetArguments fleet(options.fleet, walbench::FleetArguments::Writer::kThere);

  CLI::App app(
      "From COMMIT to standbys: commits at a steady rate, and light standbys that time them",
      "walbench live");
  add_load(app, options, target, micros);
  add_reports(app, options, micros);
  fleet.add_to(app);
  app.get_option("--start")->description("Where to start; what the primary has flushed by now");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return ExitStatus{app.exit(error)};
  }
  auto wrong = fleet.finish();
  if (!wrong) wrong = finish(options, target, micros);
  if (wrong) return ExitStatus{app.exit(CLI::ValidationError(*wrong))};
  options.command = command_of(argc, argv);
  return options;
}

}  // namespace bench::live

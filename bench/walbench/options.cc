#include "bench/walbench/options.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <limits>
#include <map>
#include <thread>

namespace bench::walbench {

using server::wal::Lsn;
using server::wal::TimelineId;

namespace {

// The units of src/backend/utils/misc/guc.c, in bytes and in microseconds.
const std::map<std::string, std::uint64_t> kSizeUnits{
    {"B", 1}, {"kB", 1ull << 10}, {"MB", 1ull << 20}, {"GB", 1ull << 30}, {"TB", 1ull << 40}};
const std::map<std::string, std::uint64_t> kTimeUnits{
    {"us", 1},           {"ms", 1'000},           {"s", 1'000'000},
    {"min", 60'000'000}, {"h", 3'600'000'000ull}, {"d", 86'400'000'000ull}};
constexpr std::uint64_t kTimeMax = 365ull * 86'400'000'000;

CLI::Validator number_with(const std::map<std::string, std::uint64_t>& units, const char* name) {
  return CLI::AsNumberWithUnit(units, CLI::AsNumberWithUnit::UNIT_REQUIRED, name);
}

// A number alone is of seconds, as for wal_receiver_status_interval.
CLI::Validator time() {
  CLI::Validator with_unit = number_with(kTimeUnits, "TIME");
  return CLI::Validator(
      [with_unit](std::string& text) -> std::string {
        if (text.find_first_not_of("0123456789") == std::string::npos) text += "s";
        return with_unit(text);
      },
      "TIME");
}

// "1MB/s" as a number of bytes.
CLI::Validator rate() {
  CLI::Validator size = number_with(kSizeUnits, "RATE");
  return CLI::Validator(
      [size](std::string& text) -> std::string {
        if (!text.ends_with("/s")) return "a rate such as 1MB/s is expected, not " + text;
        text.resize(text.size() - 2);
        return size(text);
      },
      "RATE");
}

CLI::Option* add_lsn(CLI::App& app, const char* name, std::optional<Lsn>& lsn, const char* help) {
  const auto parse = [&lsn](const CLI::results_t& texts) {
    lsn = server::wal::parse_lsn(texts.back());
    return lsn.has_value();
  };
  return app.add_option(name, parse, help)->type_name("LSN");
}

// At most a year, so that no sum with a point in time overflows.
CLI::Option* add_duration(CLI::App& app, const char* name, std::uint64_t& micros,
                          const char* help) {
  return app.add_option(name, micros, help)
      ->check(CLI::Range(std::uint64_t{1}, kTimeMax).description(""))
      ->transform(time());
}

runtime::Duration from_micros(std::uint64_t micros) {
  return std::chrono::microseconds(static_cast<std::int64_t>(micros));
}

std::size_t threads_for(const Options& options) {
  const std::size_t wanted =
      options.threads != 0 ? options.threads : std::max(1u, std::thread::hardware_concurrency());
  return std::min(wanted, options.standbys);
}

}  // namespace

std::variant<Options, ExitStatus> parse_options(int argc, const char* const* argv) {
  constexpr std::size_t kStandbysMax = 1'000'000;
  Options options;
  std::uint32_t timeline = 0;
  std::uint64_t duration = 0;
  std::uint64_t status_interval = 1'000'000;

  CLI::App app("A fleet of light standbys against any server that streams PostgreSQL's WAL");
  app.add_option("--host", options.host, "The server's name or address")->capture_default_str();
  app.add_option("--port", options.port, "Its port")
      ->check(CLI::Range(1, 65535))
      ->capture_default_str();
  app.add_option("--user", options.user, "Role to log in as")->capture_default_str();
  app.add_option("--application-name", options.application_name,
                 "Name of the standbys; _0, _1 ... follow")
      ->capture_default_str();
  app.add_option("--standbys", options.standbys, "How many standbys")
      ->check(CLI::Range(std::size_t{1}, kStandbysMax))
      ->capture_default_str();
  app.add_option("--threads", options.threads, "Threads; one per processor if not given")
      ->check(CLI::Range(1, 1024));
  app.add_option("--timeline", timeline, "Timeline to stream; the server's if not given")
      ->check(CLI::Range(std::uint32_t{1}, std::numeric_limits<std::uint32_t>::max()));
  add_lsn(app, "--start", options.start,
          "Where to start; the server's newest segment if not given");
  add_lsn(app, "--until", options.until, "A standby ends when it has this much");
  add_duration(app, "--duration", duration, "All standbys end after this time, such as 10s");
  app.add_option("--verify", options.verify_directory,
                 "Compare every byte with the segment files of this directory")
      ->check(CLI::ExistingDirectory);
  app.add_option("--stamps", options.stamps,
                 "Look for this label's stamps in the WAL, and measure the time since each")
      ->excludes("--verify");
  app.add_option("--slow", options.slow_standbys, "The first so many standbys are slow")
      ->capture_default_str();
  app.add_option("--slow-rate", options.slow_bytes_per_second, "How fast a slow one reads: 1MB/s")
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1} << 40).description(""))
      ->transform(rate());
  add_duration(app, "--status-interval", status_interval, "Time between status updates: 1s");
  app.add_flag("--json", options.json, "Print the summary as one JSON object");
  app.add_flag("--progress", options.progress, "Print a line per second to standard error");

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return ExitStatus{app.exit(error)};
  }
  if (timeline != 0) options.timeline = TimelineId{timeline};
  if (duration != 0) options.duration = from_micros(duration);
  options.status_interval = from_micros(status_interval);
  options.threads = threads_for(options);
  return options;
}

}  // namespace bench::walbench

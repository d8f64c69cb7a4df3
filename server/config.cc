#include "server/config.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <optional>
#include <thread>
#include <utility>

#include "runtime/log.h"
#include "server/settings/option_types.h"
#include "server/settings/options.h"
#include "server/stream/chunk.h"
#include "server/wire/errors.h"

namespace server {

namespace {

using settings::Options;
using settings::Unit;

// An option in ReloadableConfig.
constexpr auto kReloaded = settings::SettingContext::kSighup;

void add_source_options(const Options& options, ServeConfig& config) {
  const settings::OptionType<wal::TimelineTarget> timeline_target{wal::parse_timeline_target,
                                                                  wal::show_timeline_target};
  options.add("wal-directory", config.wal_directory, "", settings::text(),
              "Serve the WAL segments in this directory");
  options.add("recovery-target-timeline", config.recovery_target_timeline, "latest",
              timeline_target,
              "Which timeline of --wal-directory is served: latest, current (the oldest that has "
              "WAL), or a number");
  options.add("spool-directory", config.spool_directory, "", settings::text(),
              "Where WAL that walcast receives or makes is kept");
  options.add("state-directory", config.state_directory, "", settings::text(),
              "Where replication slots are kept; in the spool directory if there is one");
  options.add("synthetic", config.synthetic_rate, "", settings::rate_or_none(),
              "Make WAL at this rate instead, such as 50MB/s, in --spool-directory");
  options.add("record-size", config.records, "50..8000", settings::record_sizes(),
              "Bytes per synthetic record, one size or a range");
  options.add("wal-segment-size", config.wal_segment_size, "16MB", settings::segment_size(),
              "Segment size of a new synthetic spool");
  options.add("wal-keep-size", config.wal_keep_size, "1GB", settings::bytes(Unit::kMegabytes),
              "WAL that a spool keeps for standbys, and what slots need");
  options.add("max-slot-wal-keep-size", config.max_slot_wal_keep_size, "-1",
              settings::bytes_or_none(Unit::kMegabytes),
              "A spool gives up a slot that needs WAL from further back than this and than "
              "wal_keep_size; -1: none");
  options.add("min-free-space", config.min_free_space, "64MB", settings::bytes(),
              "A relay's spool gives up old WAL that no slot needs to leave so much; 0: never");
}

void add_receiver_options(const Options& options, ServeConfig& config) {
  const settings::OptionType<source::AckPolicy> ack_policy{source::parse_ack_policy,
                                                           source::show_ack_policy};
  options.add("primary-conninfo", config.primary_conninfo, "", settings::secret(),
              "Receive WAL from this server into --spool-directory, or follow it in "
              "--wal-directory");
  options.add("primary-slot-name", config.primary_slot_name, "", settings::text(),
              "The replication slot to use there");
  options.add_switch("create-primary-slot", config.create_primary_slot,
                     "Create that slot if there is none");
  options.add("upstream-ack", config.upstream_ack, "spool", ack_policy,
              "Who must have WAL before the primary is told: spool, any N (names), all (names)");
  options.add("hot-standby-feedback", config.hot_standby_feedback, "on", settings::boolean(),
              "Pass on to the primary which transactions standbys still look at");
  options.add("max-feedback-age", config.max_feedback_age, "0", settings::duration(),
              "A standby with the same oldest transaction for so long is left out; 0: never");
  options.add("wal-receiver-timeout", config.wal_receiver_timeout, "60s", settings::duration(),
              "A primary silent for so long is left; 0 turns it off");
  options.add("wal-receiver-status-interval", config.wal_receiver_status_interval, "10s",
              settings::duration(Unit::kSeconds),
              "The primary is told our position at least so often; 0: only when it asks");
  options.add("wal-retrieve-retry-interval", config.wal_retrieve_retry_interval, "5s",
              settings::duration(), "Time before a lost primary is tried again");
}

void add_server_options(const Options& options, ServeConfig& config) {
  const auto cores = std::max(1u, std::thread::hardware_concurrency());
  options.add("listen-addresses", config.listen_addresses, "localhost", settings::addresses(),
              "Addresses to listen on, separated by commas");
  options.add("port", config.port, "5433", settings::integer<std::uint16_t>(0, 65535),
              "TCP port; 0 takes a free one");
  options.add("workers", config.workers, std::to_string(cores),
              settings::integer<std::size_t>(1, 1024), "Event loops that serve standbys");
  options.add("acceptors", config.acceptors, "1", settings::integer<std::size_t>(1, 64),
              "Threads that accept connections");
  options.add("io-threads", config.io_threads, "2", settings::integer<int>(1, 256),
              "Threads that read and check cold WAL");
  options.add("copy-threshold", config.copy_threshold, "16kB",
              settings::bytes(Unit::kBytes, stream::kChunkBytesMax),
              "Messages with more WAL than this go by sendfile, others by one copy");
}

void add_session_options(const Options& options, ServeConfig& config) {
  options.add("max-wal-senders", config.reloadable.max_wal_senders, "10000",
              settings::integer<std::int64_t>(1, 1'000'000), "Most standbys at a time", kReloaded);
  options.add("max-replication-slots", config.max_replication_slots, "10",
              settings::integer<std::size_t>(0, 100'000), "Most replication slots at a time");
  options.add("wal-sender-timeout", config.reloadable.wal_sender_timeout, "60s",
              settings::duration(), "Standbys silent for so long are dropped; 0 turns it off",
              kReloaded);
  options.add("authentication-timeout", config.reloadable.authentication_timeout, "60s",
              settings::postgres_seconds("authentication_timeout", 1, 600),
              "Time for a client to say who it is", kReloaded);
  options.add("shutdown-timeout", config.reloadable.shutdown_timeout, "10s", settings::duration(),
              "Time for standbys to confirm all WAL when the server stops", kReloaded);
  options.add("idle-session-timeout", config.reloadable.idle_session_timeout, "0",
              settings::duration(),
              "Clients that idle so long between commands are dropped; 0 turns it off", kReloaded);
}

// When TCP gives up a client that is gone without a word.
void add_tcp_options(const Options& options, runtime::TcpTimeouts& tcp) {
  const auto add = [&](const std::string& flag, std::string_view name, int& value,
                       const std::string& help) {
    options.add(flag, value, "0", settings::as_postgres(name), help + "; 0 is the system's default",
                kReloaded);
  };
  add("tcp-keepalives-idle", "tcp_keepalives_idle", tcp.keepalive_idle_s,
      "Silence before TCP asks for a sign of life");
  add("tcp-keepalives-interval", "tcp_keepalives_interval", tcp.keepalive_interval_s,
      "Time before it asks again");
  add("tcp-keepalives-count", "tcp_keepalives_count", tcp.keepalive_count,
      "Questions until the connection is dropped");
  add("tcp-user-timeout", "tcp_user_timeout", tcp.user_timeout_ms,
      "Time that sent data may stay unacknowledged");
}

void add_operator_options(const Options& options, ServeConfig& config) {
  options.add("log-level", config.reloadable.log_level, "log", settings::log_level(),
              "debug, info, log, warning, error or fatal", kReloaded);
  options.add("standby-table", config.standby_table, "0", settings::duration(),
              "Print a table of the standbys this often; 0 for never");
  options.add("run-for", config.run_for, "0", settings::duration(),
              "Stop by itself after this time; 0 for never");
}

// The file has the options of `serve`, one in a line: name = value. CLI11 would look for them among
// those of the command line as a whole, and split a value at its commas.
class ServeFile final : public CLI::ConfigBase {
 public:
  ServeFile() { arrayDelimiter('\n'); }
  std::vector<CLI::ConfigItem> from_config(std::istream& input) const override {
    std::vector<CLI::ConfigItem> options = CLI::ConfigBase::from_config(input);
    for (CLI::ConfigItem& option : options) option.parents.insert(option.parents.begin(), "serve");
    return options;
  }
};

void add_file(CLI::App& app, CLI::App& serve) {
  app.set_config("--config", "", "Read options of serve from this file: name = value");
  app.config_formatter(std::make_shared<ServeFile>());
  app.allow_config_extras(CLI::config_extras_mode::error);
  serve.fallthrough();  // so that --config may stand behind `serve`
}

void check_serve(const ServeConfig& config) {
  const bool synthetic = config.synthetic_rate > 0;
  const bool primary = !config.primary_conninfo.empty();
  const bool directory = !config.wal_directory.empty();
  if (synthetic ? primary || directory : !primary && !directory) {
    throw CLI::ValidationError("give one of --primary-conninfo, --wal-directory and --synthetic");
  }
  if (primary && config.recovery_target_timeline != wal::TimelineTarget{}) {
    throw CLI::ValidationError(
        "--recovery-target-timeline is for --wal-directory alone: a primary's timeline is "
        "followed");
  }
  const bool attach = primary && directory;
  if (attach && !config.spool_directory.empty()) {
    throw CLI::ValidationError(
        "give --primary-conninfo one of --spool-directory, to keep WAL in, "
        "and --wal-directory, to serve the primary's own");
  }
  if (attach && config.primary_slot_name.empty()) {
    throw CLI::ValidationError(
        "--wal-directory with --primary-conninfo needs --primary-slot-name: "
        "only a slot keeps the primary from recycling what is being sent");
  }
  if (attach && config.upstream_ack.kind != source::AckPolicy::Kind::kSpool) {
    throw CLI::ValidationError("--upstream-ack needs --spool-directory");
  }
  if ((synthetic || (primary && !attach)) && config.spool_directory.empty()) {
    throw CLI::ValidationError(
        synthetic ? "--synthetic needs --spool-directory"
                  : "--primary-conninfo needs --spool-directory, or --wal-directory");
  }
}

// Slots are kept in the spool, unless --state-directory names a place for them.
void keep_state_in_spool(ServeConfig& config) {
  if (!config.state_directory.empty()) return;
  config.state_directory = config.spool_directory;
  settings::Setting shown = *config.settings.find("state_directory");
  config.settings.set(shown.name, config.state_directory, shown.description, shown.context);
}

void add_generate_options(CLI::App& app, wal::GenerateOptions& generate) {
  const Options options(app, nullptr);
  app.add_option("directory", generate.directory, "Where the segments go")->required();
  options.add("size", generate.size_bytes, "1GB", settings::bytes(), "WAL to write");
  options.add("record-size", generate.records, "50..8000", settings::record_sizes(),
              "Bytes per record, one size or a range");
  options.add("wal-segment-size", generate.segment_size, "16MB", settings::segment_size(),
              "Segment size");
  app.add_option("--seed", generate.records.seed, "The same seed makes the same WAL")
      ->capture_default_str();
  app.add_flag("--sync", generate.sync, "fsync every segment");
}

// CLI11's exceptions end here.
runtime::Result<CommandLine> parse(const std::vector<std::string>& words) {
  CommandLine line;
  line.serve.command_line = words;
  CLI::App app("walcast: one WAL stream in, thousands of standbys out", "walcast");
  app.set_version_flag("--version", "walcast " WALCAST_VERSION);
  app.require_subcommand(1);
  CLI::App* serve = app.add_subcommand("serve", "Serve WAL to standbys");
  const Options serve_options(*serve, &line.serve.settings);
  add_source_options(serve_options, line.serve);
  add_receiver_options(serve_options, line.serve);
  add_server_options(serve_options, line.serve);
  add_session_options(serve_options, line.serve);
  add_tcp_options(serve_options, line.serve.reloadable.tcp);
  add_operator_options(serve_options, line.serve);
  add_file(app, *serve);
  CLI::App* generate = app.add_subcommand("generate", "Write synthetic WAL segments");
  add_generate_options(*generate, line.generate);
  try {
    std::vector<std::string> reversed(words.rbegin(), words.rend());  // as CLI11 wants them
    app.parse(std::move(reversed));
    line.verb = CommandLine::Verb::kGenerate;
    if (!serve->parsed()) return line;
    check_serve(line.serve);
    keep_state_in_spool(line.serve);
    line.verb = CommandLine::Verb::kServe;
  } catch (const CLI::ParseError& error) {
    // The help and the version come as errors with the exit code 0; CLI11 prints them.
    if (error.get_exit_code() != 0) {
      return runtime::Error{.kind = &wire::kInvalidParameterValue, .what = error.what()};
    }
    app.exit(error);
    line.verb = CommandLine::Verb::kExit;
  }
  return line;
}

}  // namespace

CommandLine parse_command_line(int argc, const char* const* argv) {
  auto line = parse(std::vector<std::string>(argv + 1, argv + argc));
  if (line) return std::move(*line);
  runtime::log::fatal("{}", line.error().what);
  runtime::log::fatal("HINT:  Try \"walcast --help\" for more information.");
  CommandLine nothing;
  nothing.exit_code = 1;
  return nothing;
}

runtime::Result<ServeConfig> read_again(const ServeConfig& config) {
  CommandLine line = TRY(parse(config.command_line));
  return std::move(line.serve);
}

}  // namespace server

#include "server/config/config.h"

#include <algorithm>
#include <limits>
#include <map>
#include <optional>
#include <string_view>
#include <thread>
#include <utility>

#include "runtime/format.h"
#include "server/config/role_options.h"
#include "server/settings/config_file.h"
#include "server/settings/flags.h"
#include "server/settings/option_types.h"
#include "server/settings/options.h"
#include "server/slot/name.h"
#include "server/stream/chunk.h"
#include "server/wire/errors.h"
#include "server/wire/text.h"

namespace server::config {

namespace {

using runtime::format;
using runtime::Result;
using settings::Options;
using settings::Unit;

// An option in ReloadableConfig.
constexpr auto kReloaded = settings::SettingContext::kSighup;

// latest, current, or a number.
settings::OptionType<wal::TimelineTarget> timeline_target() {
  return {[](std::string_view name, std::string_view text) -> Result<wal::TimelineTarget> {
            if (const auto target = wal::parse_timeline_target(text)) return *target;
            return settings::invalid_value(name, text,
                                           "Available values: latest, current, or a number.");
          },
          wal::show_timeline_target};
}

void add_source_options(Options& options, ServeConfig& config) {
  options.add("wal-directory", config.wal_directory, "", settings::text(),
              "Serve the WAL segments in this directory");
  options.add("recovery-target-timeline", config.recovery_target_timeline, "latest",
              timeline_target(),
              "Which timeline of --wal-directory is served: latest, current (the oldest that has "
              "WAL), or a number");
  options.add("spool-directory", config.spool_directory, "", settings::text(),
              "Where WAL that walcast receives or makes is kept");
  options.add_switch("adopt-spool", config.adopt_spool,
                     "Take WAL that is in --spool-directory for this walcast's own");
  options.add_switch("archive-is-immutable", config.archive_is_immutable,
                     "No file of --wal-directory is ever overwritten: WAL may be sent without a "
                     "copy of it");
  options.add("state-directory", config.state_directory, "", settings::text(),
              "Where replication slots are kept; in the spool directory if there is one");
  options.add("synthetic", config.synthetic_rate, "", settings::rate_or_none(),
              "Make WAL at this rate instead, such as 50MB/s, in --spool-directory");
  options.add("synthetic-trace", config.synthetic_trace.file, "", settings::text(),
              "Make WAL in the rhythm of this trace instead, which walbench record has written");
  options.add("synthetic-trace-speed", config.synthetic_trace.speed, "1",
              settings::real(source::TraceReplay::kSpeedMin, source::TraceReplay::kSpeedMax),
              "How much faster than it was recorded the trace is replayed");
  options.add("synthetic-trace-loop", config.synthetic_trace.loops, "on", settings::boolean(),
              "Begin the trace again at its end; off: no more WAL is made then");
  options.add("record-size", config.records, "50..8000", settings::record_sizes(),
              "Size of a synthetic record, one size or a range");
  options.add("wal-segment-size", config.wal_segment_size, "16MB", settings::segment_size(),
              "Segment size of a new synthetic spool");
  options.add("wal-keep-size", config.wal_keep_size, "1GB", settings::bytes(Unit::kMegabytes),
              "WAL that a spool keeps for standbys, and what slots need");
  options.add("max-slot-wal-keep-size", config.max_slot_wal_keep_size, "-1",
              settings::bytes_or_none(Unit::kMegabytes),
              "A spool gives up a slot that needs WAL from further back than this and than "
              "wal_keep_size; -1: none");
  options.add("min-free-space", config.min_free_space, "64MB", settings::bytes(Unit::kMegabytes),
              "A relay's spool gives up old WAL that no slot needs to leave so much; 0: never");
}

settings::OptionType<source::AckPolicy> ack_policy() {
  return {[](std::string_view name, std::string_view text) -> Result<source::AckPolicy> {
            auto policy = source::parse_ack_policy(text);
            if (policy) return policy;
            runtime::Fail failure =
                settings::invalid_value(name, text, std::string(source::ack_policy_forms()));
            failure.error.detail = policy.error().what + ".";
            return failure;
          },
          source::show_ack_policy};
}

void add_receiver_options(Options& options, ServeConfig& config) {
  options.add("primary-conninfo", config.primary_conninfo, "", settings::secret(),
              "Receive WAL from this server into --spool-directory, or follow it in "
              "--wal-directory");
  options.add("primary-slot-name", config.primary_slot_name, "", settings::text(),
              "The replication slot to use there");
  options.add_switch("create-primary-slot", config.create_primary_slot,
                     "Create that slot if there is none");
  options.add("upstream-ack", config.upstream_ack, "spool", ack_policy(),
              "Which standbys must have WAL before the primary is told so: spool, ANY n (names), "
              "FIRST n (names), all (names)");
  options.add("hot-standby-feedback", config.hot_standby_feedback, "on", settings::boolean(),
              "Pass on to the primary which transactions standbys still look at");
  options.add("max-feedback-age", config.max_feedback_age, "0", settings::duration(Unit::kSeconds),
              "A standby with the same oldest transaction for so long is left out; 0: never");
  options.add("wal-receiver-timeout", config.wal_receiver_timeout, "60s",
              settings::duration(Unit::kMilliseconds),
              "A primary silent for so long is left; 0 turns it off");
  options.add("wal-receiver-status-interval", config.wal_receiver_status_interval, "10s",
              settings::duration(Unit::kSeconds),
              "The primary is told our position at least so often; 0: only when it asks");
  options.add("wal-retrieve-retry-interval", config.wal_retrieve_retry_interval, "5s",
              settings::duration(Unit::kMilliseconds), "Time before a lost primary is tried again");
}

void add_server_options(Options& options, ServeConfig& config) {
  const auto cores = std::max(1u, std::thread::hardware_concurrency());
  options.add("listen-addresses", config.listen_addresses, "localhost", settings::comma_list(),
              "Addresses to listen on, separated by commas; none: no TCP");
  options.add("port", config.port, "5433", settings::integer<std::uint16_t>(0, 65535),
              "TCP port, and the number in the names of Unix sockets; 0 takes a free one");
  options.add(
      "unix-socket-directories", config.unix_socket_directories, "", settings::comma_list(),
      "Directories for Unix sockets, separated by commas; one that begins with @ is a place "
      "in the abstract space");
  options.add("unix-socket-permissions", config.unix_socket_permissions, "0777",
              settings::file_mode(), "Access permissions of Unix sockets, as for chmod");
  options.add("unix-socket-group", config.unix_socket_group, "", settings::text(),
              "Group that owns Unix sockets; none: the server's");
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

// A reload reads the files again; to name others takes a restart, as in PostgreSQL.
void add_access_options(Options& options, auth::AccessFiles& files) {
  options.add("hba-file", files.hba, "", settings::text(),
              "Who may come in and how they prove it, as pg_hba.conf; none: all that Unix sockets "
              "and loopback addresses let in");
  options.add("ident-file", files.ident, "", settings::text(),
              "Which users of the system are which roles, as pg_ident.conf");
  options.add("auth-file", files.users, "", settings::text(),
              "The roles, with verifiers of their passwords: \"name\" \"verifier\" replication");
  options.add("standby-names", files.standby_names, "", settings::text(),
              "The map of --ident-file by which roles bear application names that count for "
              "--upstream-ack; none: a role bears its own name");
}

// Room for a few handshakes of TLS, which have half of it: with none, clients would wait in vain.
constexpr std::size_t kClientMemoryMin = std::size_t{1} << 20;
constexpr std::size_t kSizeMax = std::numeric_limits<std::size_t>::max();

void add_session_options(Options& options, ServeConfig& config) {
  options.add("max-wal-senders", config.reloadable.max_wal_senders, "10000",
              settings::integer<std::int64_t>(1, 1'000'000), "Most standbys at a time", kReloaded);
  options.add("max-replication-slots", config.max_replication_slots, "10",
              settings::integer<std::size_t>(0, 100'000), "Most replication slots at a time");
  options.add("slot-owner-check", config.reloadable.slot_owner_check, "on", settings::boolean(),
              "With --hba-file, a replication slot is for the role that has made it", kReloaded);
  options.add("wal-sender-timeout", config.reloadable.wal_sender_timeout, "60s",
              settings::duration(Unit::kMilliseconds),
              "Standbys silent for so long are dropped; 0 turns it off", kReloaded);
  options.add("authentication-timeout", config.reloadable.authentication_timeout, "60s",
              settings::whole_seconds(1, 600), "Time for a client to say who it is", kReloaded);
  options.add("shutdown-timeout", config.reloadable.shutdown_timeout, "10s",
              settings::duration(Unit::kSeconds),
              "Time for standbys to confirm all WAL when the server stops", kReloaded);
  options.add("idle-session-timeout", config.reloadable.idle_session_timeout, "0",
              settings::duration(Unit::kMilliseconds),
              "Clients that idle so long between commands are dropped; 0 turns it off", kReloaded);
  options.add("send-delay", config.reloadable.send_delay.time, "0",
              settings::whole_milliseconds(0, stream::SendDelay::kMillisecondsMax),
              "WAL is gathered so long for standbys that have all before it; 0: never", kReloaded);
  options.add("send-delay-exempt-names", config.reloadable.send_delay.exempt_names, "",
              settings::comma_list(),
              "Application names of standbys to which it goes at once, separated by commas",
              kReloaded);
  options.add("client-memory", config.client_memory, "64MB",
              settings::bytes<std::size_t>(Unit::kKilobytes, kSizeMax, kClientMemoryMin),
              "Memory of each worker for what clients send in part or do not read");
}

void add_operator_options(Options& options, ServeConfig& config) {
  options.add("log-level", config.reloadable.log_level, "log", settings::log_level(),
              "debug, info, log, warning, error or fatal", kReloaded);
  options.add("standby-table", config.standby_table, "0", settings::duration(Unit::kSeconds),
              "Print a table of the standbys this often; 0 for never");
  options.add_switch("latency-report", config.latency_report,
                     "Print at the end how long WAL took on its way to the standbys");
  options.add("run-for", config.run_for, "0", settings::duration(Unit::kSeconds),
              "Stop by itself after this time; 0 for never");
}

void add_all_options(Options& options, ServeConfig& config) {
  add_source_options(options, config);
  add_receiver_options(options, config);
  add_server_options(options, config);
  add_access_options(options, config.access_files);
  add_tls_options(options, config.reloadable.tls);
  add_role_options(options, config.reloadable.roles);
  add_session_options(options, config);
  add_limit_options(options, config.reloadable.limits);
  add_tcp_options(options, config.reloadable.tcp);
  add_operator_options(options, config);
  add_http_options(options, config.http, config.reloadable.http_metrics_standbys);
  add_log_options(options, config.reloadable.log);
  add_process_options(options, config.process);
  options.add_flag("config", config.config_file, "Read options from this file: name = value");
  options.add_flag_switch(
      "check", config.check,
      "Look whether the server could run with these options, say what is wrong, "
      "and end");
}

runtime::Fail refuse(std::string what, std::string hint = {}) {
  return runtime::Fail(
      {.kind = &wire::kInvalidParameterValue, .what = std::move(what), .hint = std::move(hint)});
}

Result<void> check_sources(const ServeConfig& config) {
  const bool traced = !config.synthetic_trace.file.empty();
  const bool synthetic = config.synthetic_rate > 0 || traced;
  if (traced && config.synthetic_rate > 0) {
    return refuse("give one of --synthetic and --synthetic-trace");
  }
  const bool primary = !config.primary_conninfo.empty();
  const bool directory = !config.wal_directory.empty();
  if (synthetic ? primary || directory : !primary && !directory) {
    return refuse("give one of --primary-conninfo, --wal-directory and --synthetic");
  }
  if (primary && config.recovery_target_timeline != wal::TimelineTarget{}) {
    return refuse(
        "--recovery-target-timeline is for --wal-directory alone: a primary's timeline is "
        "followed");
  }
  const bool attach = primary && directory;
  if (attach && !config.spool_directory.empty()) {
    return refuse(
        "give --primary-conninfo one of --spool-directory, to keep WAL in, "
        "and --wal-directory, to serve the primary's own");
  }
  if (attach && config.primary_slot_name.empty()) {
    return refuse(
        "--wal-directory with --primary-conninfo needs --primary-slot-name: "
        "only a slot keeps the primary from recycling what is being sent");
  }
  if (attach && config.upstream_ack.kind != source::AckPolicy::Kind::kSpool) {
    return refuse("--upstream-ack needs --spool-directory");
  }
  if ((synthetic || (primary && !attach)) && config.spool_directory.empty()) {
    return refuse(traced      ? "--synthetic-trace needs --spool-directory"
                  : synthetic ? "--synthetic needs --spool-directory"
                              : "--primary-conninfo needs --spool-directory, or --wal-directory");
  }
  return {};
}

// An option that would be ignored is most likely one that the operator relies on.
Result<void> check_primary_options(const ServeConfig& config) {
  const bool has_slot = !config.primary_slot_name.empty();
  if (config.create_primary_slot && !has_slot) {
    return refuse("--create-primary-slot needs --primary-slot-name");
  }
  if (config.primary_conninfo.empty()) {
    if (has_slot) return refuse("--primary-slot-name needs --primary-conninfo");
    if (config.upstream_ack.kind != source::AckPolicy::Kind::kSpool) {
      return refuse("--upstream-ack needs --primary-conninfo");
    }
    return {};
  }
  if (has_slot) {
    if (const auto valid = slot::validate_name(config.primary_slot_name); !valid) {
      runtime::Fail failure = settings::invalid_value("primary_slot_name", config.primary_slot_name,
                                                      valid.error().hint);
      failure.error.detail = valid.error().what + ".";
      return failure;
    }
  }
  return check_conninfo("primary_conninfo", config.primary_conninfo);
}

// Files that would be ignored: the operator relies on them.
Result<void> check_access_files(const auth::AccessFiles& files) {
  if (!files.standby_names.empty() && files.ident.empty()) {
    return refuse("--standby-names needs --ident-file");
  }
  if (!files.hba.empty() || (files.ident.empty() && files.users.empty())) return {};
  return refuse(files.users.empty() ? "--ident-file needs --hba-file"
                                    : "--auth-file needs --hba-file");
}

Result<void> check_together(const ServeConfig& config) {
  TRY(check_access_files(config.access_files));
  TRY(check_sources(config));
  TRY(check_primary_options(config));
  TRY(check_http_options(config.http, config.reloadable.tls.on));
  return check_role_options(config.reloadable.roles, config.access_files, config.primary_conninfo);
}

// Slots are kept in the spool, unless --state-directory names a place for them.
void keep_state_in_spool(ServeConfig& config) {
  if (!config.state_directory.empty()) return;
  config.state_directory = config.spool_directory;
  settings::Setting shown = *config.settings.find("state_directory");
  config.settings.set(shown.name, config.state_directory, shown.description, shown.context);
}

std::string lower(std::string_view name) {
  std::string text(name);
  std::transform(text.begin(), text.end(), text.begin(), wire::lower);
  return text;
}

// A parameter that the files give more than once has the last of its values; the others are not
// looked at (guc-file.l, ParseConfigFp).
void take_file(Options& options, ConfigReading& reading) {
  settings::ConfigFile file = settings::read_config_file(reading.config.config_file);
  reading.errors = std::move(file.errors);
  reading.skipped_files = std::move(file.skipped);
  std::map<std::string, const settings::Assignment*> last;
  for (const auto& assignment : file.assignments) {
    last[lower(assignment.name)] = &assignment;
  }
  for (const auto& assignment : file.assignments) {
    if (last[lower(assignment.name)] != &assignment) continue;
    if (auto taken = options.assign(assignment); !taken) reading.errors.push_back(taken.error());
  }
  reading.in_file = !reading.errors.empty();
}

void take_flags(Options& options, const settings::Flags& flags, ConfigReading& reading) {
  for (const auto& assignment : flags.assignments) {
    if (auto taken = options.assign(assignment); !taken) reading.errors.push_back(taken.error());
  }
  if (flags.operands.empty()) return;
  reading.errors.push_back(
      refuse(format("too many command-line arguments (first is \"{}\")", flags.operands.front()))
          .error);
}

}  // namespace

// The flags are taken twice: they name the file, and they are stronger than it.
ConfigReading read_config(const std::vector<std::string>& words) {
  ConfigReading reading;
  ServeConfig& config = reading.config;
  config.words = words;
  Options options(&config.settings);
  add_all_options(options, config);
  const auto flags = settings::read_flags(options, words);
  if (!flags) {
    reading.errors.push_back(flags.error());
    return reading;
  }
  if (flags->help) {
    reading.help = options.help();
    return reading;
  }
  take_flags(options, *flags, reading);
  if (!reading.errors.empty()) return reading;
  if (!config.config_file.empty()) {
    take_file(options, reading);
    take_flags(options, *flags, reading);
  }
  if (!reading.errors.empty()) return reading;
  if (auto fits = check_together(config); !fits) {
    reading.errors.push_back(std::move(fits).error());
    return reading;
  }
  keep_state_in_spool(config);
  config.access_files.ssl = config.reloadable.server_ssl();
  return reading;
}

}  // namespace server::config

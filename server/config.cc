#include "server/config.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <thread>

#include "runtime/format.h"
#include "server/units.h"

namespace server {

namespace {

// "--wal-sender-timeout" on the command line is "wal_sender_timeout" in the file.
std::string both_names(std::string flag) {
  std::string in_file = flag;
  std::replace(in_file.begin(), in_file.end(), '-', '_');
  return in_file == flag ? "--" + flag : "--" + flag + ",--" + in_file;
}

// Adds an option whose text `parse` turns into a value; the default is given as text too, so that
// it is shown in help and checked like any other.
template <typename Value>
CLI::Option* add(CLI::App& app, const std::string& flag, Value& value, const std::string& initial,
                 std::function<std::optional<Value>(std::string_view)> parse,
                 const std::string& description) {
  return app
      .add_option_function<std::string>(
          both_names(flag),
          [flag, &value, parse](const std::string& text) {
            const auto parsed = parse(text);
            if (!parsed.has_value()) {
              throw CLI::ValidationError(
                  runtime::format("invalid value for parameter \"{}\": \"{}\"", flag, text));
            }
            value = *parsed;
          },
          description)
      ->default_str(initial)
      ->force_callback();
}

template <typename Integer>
std::function<std::optional<Integer>(std::string_view)> integer(Integer least, Integer most) {
  return [least, most](std::string_view text) -> std::optional<Integer> {
    Integer value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    if (value < least || value > most) return std::nullopt;
    return value;
  };
}

std::optional<std::uint64_t> bytes(std::string_view text) { return parse_bytes(text); }
// wal_keep_size counts megabytes where it has no unit, as in PostgreSQL.
std::optional<std::uint64_t> megabytes(std::string_view text) {
  return parse_bytes(text, 1ull << 20);
}
std::optional<std::uint64_t> rate(std::string_view text) {
  const auto parsed = parse_rate(text);
  return parsed.value_or(0) > 0 ? parsed : std::nullopt;
}
std::optional<runtime::Duration> duration(std::string_view text) { return parse_duration(text); }

std::optional<wal::SegmentSize> segment_size(std::string_view text) {
  const auto size = parse_bytes(text);
  if (!size.has_value() || !wal::SegmentSize::is_valid(*size)) return std::nullopt;
  return wal::SegmentSize(static_cast<std::uint32_t>(*size));
}

// "50..8000", or one size.
std::optional<wal::RecordMix> record_sizes(std::string_view text) {
  const auto dots = text.find("..");
  const auto parse = integer<std::uint32_t>(24, 1u << 30);
  const auto least = parse(text.substr(0, dots));
  const auto most = dots == std::string_view::npos ? least : parse(text.substr(dots + 2));
  if (!least || !most || *least > *most) return std::nullopt;
  return wal::RecordMix{.record_bytes_min = *least, .record_bytes_max = *most};
}

std::optional<runtime::log::Level> log_level(std::string_view text) {
  using runtime::log::Level;
  if (text == "debug" || text == "debug1") return Level::kDebug;
  if (text == "info") return Level::kInfo;
  if (text == "log") return Level::kLog;
  if (text == "warning") return Level::kWarning;
  if (text == "error") return Level::kError;
  if (text == "fatal") return Level::kFatal;
  return std::nullopt;
}

std::optional<std::vector<std::string>> addresses(std::string_view text) {
  return CLI::detail::split(std::string(text), ',');
}

void add_source_options(CLI::App& app, ServeConfig& config) {
  app.add_option(both_names("wal-directory"), config.wal_directory,
                 "Serve the WAL segments in this directory");
  app.add_option(both_names("spool-directory"), config.spool_directory,
                 "Where WAL that walcast receives or makes is kept");
  app.add_option_function<std::string>(
      "--synthetic",
      [&config](const std::string& text) {
        const auto parsed = rate(text);
        if (!parsed.has_value()) {
          throw CLI::ValidationError(
              runtime::format("invalid value for parameter \"synthetic\": \"{}\"", text));
        }
        config.synthetic_rate = *parsed;
      },
      "Make WAL at this rate instead, such as 50MB/s, in --spool-directory");
  add<wal::RecordMix>(app, "record-size", config.records, "50..8000", record_sizes,
                      "Bytes per synthetic record, one size or a range");
  add<wal::SegmentSize>(app, "wal-segment-size", config.wal_segment_size, "16MB", segment_size,
                        "Segment size of a new synthetic spool");
  add<std::uint64_t>(app, "wal-keep-size", config.wal_keep_size, "1GB", megabytes,
                     "WAL that a synthetic spool keeps for standbys");
}

void add_server_options(CLI::App& app, ServeConfig& config) {
  const auto cores = std::max(1u, std::thread::hardware_concurrency());
  add<std::vector<std::string>>(app, "listen-addresses", config.listen_addresses, "localhost",
                                addresses, "Addresses to listen on, separated by commas");
  add<std::uint16_t>(app, "port", config.port, "5433", integer<std::uint16_t>(0, 65535),
                     "TCP port; 0 takes a free one");
  add<std::size_t>(app, "workers", config.workers, std::to_string(cores),
                   integer<std::size_t>(1, 1024), "Event loops that serve standbys");
  add<std::size_t>(app, "acceptors", config.acceptors, "1", integer<std::size_t>(1, 64),
                   "Threads that accept connections");
  add<int>(app, "io-threads", config.io_threads, "2", integer<int>(1, 256),
           "Threads that read and check cold WAL");
  add<std::int64_t>(app, "max-wal-senders", config.max_wal_senders, "10000",
                    integer<std::int64_t>(1, 1'000'000), "Most standbys at a time");
  add<runtime::Duration>(app, "wal-sender-timeout", config.wal_sender_timeout, "60s", duration,
                         "Standbys silent for so long are dropped; 0 turns it off");
  add<runtime::Duration>(app, "authentication-timeout", config.authentication_timeout, "60s",
                         duration, "Time for a client to say who it is");
  add<runtime::Duration>(app, "shutdown-timeout", config.shutdown_timeout, "10s", duration,
                         "Time for sessions to end when the server stops");
  add<std::uint32_t>(
      app, "copy-threshold", config.copy_threshold, "16kB",
      [](std::string_view text) -> std::optional<std::uint32_t> {
        const auto size = bytes(text);
        if (!size || *size > 131072) return std::nullopt;
        return static_cast<std::uint32_t>(*size);
      },
      "Messages with more WAL than this go by sendfile, others by one copy");
}

void add_operator_options(CLI::App& app, ServeConfig& config) {
  add<runtime::log::Level>(app, "log-level", config.log_level, "log", log_level,
                           "debug, info, log, warning, error or fatal");
  add<runtime::Duration>(app, "standby-table", config.standby_table, "0", duration,
                         "Print a table of the standbys this often; 0 for never");
  add<runtime::Duration>(app, "run-for", config.run_for, "0", duration,
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

// Every option as SHOW answers it: what was given, or the default, in the words it was given in.
void collect_settings(const CLI::App& app, command::Settings& settings) {
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_lnames().empty() || option->get_single_name() == "help") continue;
    std::string name = option->get_lnames().back();
    std::replace(name.begin(), name.end(), '-', '_');
    const std::string value =
        option->count() > 0 ? CLI::detail::join(option->results(), ",") : option->get_default_str();
    if (settings.find(name) == nullptr) settings.set(name, value, option->get_description());
  }
}

void check_serve(const ServeConfig& config) {
  const bool synthetic = config.synthetic_rate > 0;
  if (synthetic == !config.wal_directory.empty()) {
    throw CLI::ValidationError("give either --wal-directory or --synthetic");
  }
  if (synthetic && config.spool_directory.empty()) {
    throw CLI::ValidationError("--synthetic needs --spool-directory");
  }
}

void add_generate_options(CLI::App& app, wal::GenerateOptions& options) {
  app.add_option("directory", options.directory, "Where the segments go")->required();
  add<std::uint64_t>(app, "size", options.size_bytes, "1GB", bytes, "WAL to write");
  add<wal::RecordMix>(app, "record-size", options.records, "50..8000", record_sizes,
                      "Bytes per record, one size or a range");
  add<wal::SegmentSize>(app, "wal-segment-size", options.segment_size, "16MB", segment_size,
                        "Segment size");
  app.add_option("--seed", options.records.seed, "The same seed makes the same WAL")
      ->capture_default_str();
  app.add_flag("--sync", options.sync, "fsync every segment");
}

}  // namespace

CommandLine parse_command_line(int argc, const char* const* argv) {
  CommandLine line;
  CLI::App app("walcast: one WAL stream in, thousands of standbys out", "walcast");
  app.set_version_flag("--version", "walcast " WALCAST_VERSION);
  app.require_subcommand(1);
  CLI::App* serve = app.add_subcommand("serve", "Serve WAL to standbys");
  add_source_options(*serve, line.serve);
  add_server_options(*serve, line.serve);
  add_operator_options(*serve, line.serve);
  add_file(app, *serve);
  CLI::App* generate = app.add_subcommand("generate", "Write synthetic WAL segments");
  add_generate_options(*generate, line.generate);
  try {
    app.parse(argc, argv);
    if (serve->parsed()) {
      check_serve(line.serve);
      collect_settings(*serve, line.serve.settings);
      line.verb = CommandLine::Verb::kServe;
    } else {
      line.verb = CommandLine::Verb::kGenerate;
    }
  } catch (const CLI::ParseError& error) {
    // Help and version are "errors" of CLI11's, which it prints itself.
    if (error.get_exit_code() == 0) {
      app.exit(error);
    } else {
      runtime::log::fatal("{}", error.what());
      runtime::log::fatal("HINT:  Try \"walcast --help\" for more information.");
      line.exit_code = 1;
    }
  }
  return line;
}

}  // namespace server

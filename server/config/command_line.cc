#include "server/config/command_line.h"

#include <algorithm>
#include <cstdio>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/format.h"
#include "runtime/log.h"
#include "server/config/version.h"
#include "server/settings/flags.h"
#include "server/settings/option_types.h"
#include "server/settings/options.h"
#include "server/wire/errors.h"

namespace server::config {

using runtime::format;

namespace {

using Verb = CommandLine::Verb;
using Words = std::vector<std::string>;

constexpr std::string_view kUsage =
    "walcast: one WAL stream in, thousands of standbys out\n"
    "\n"
    "Usage:\n"
    "  walcast serve [OPTION]...               serve WAL to standbys\n"
    "  walcast generate [OPTION]... DIRECTORY  write synthetic WAL segments\n"
    "  walcast verify [OPTION]... DIRECTORY    prove every page and record of a directory of WAL\n"
    "  walcast top [OPTION]... [CONNINFO]      watch the standbys of a server\n"
    "  walcast status [OPTION]... [CONNINFO]   what a server is and does, also as JSON\n"
    "  walcast ctl [OPTION]... COMMAND         change what a server does\n"
    "  walcast COMMAND --help                  the options of a command\n"
    "  walcast --version                       the version\n";

CommandLine answer(std::string_view printed) {
  std::fwrite(printed.data(), 1, printed.size(), stdout);
  std::fflush(stdout);
  return {};
}

CommandLine refuse(runtime::Error error, std::string_view help) {
  if (error.hint.empty()) {
    error.hint = format("Try \"walcast {}--help\" for more information.", help);
  }
  runtime::log::report(runtime::log::Level::kFatal, error);
  CommandLine line;
  line.exit_code = 1;
  return line;
}

CommandLine refuse(std::string what, std::string_view help) {
  return refuse(runtime::Error{.kind = &wire::kSyntaxError, .what = std::move(what)}, help);
}

// All that is wrong with a file is said, and of a command line the first fault.
CommandLine refuse(const ConfigReading& reading) {
  if (!reading.in_file) return refuse(reading.errors.front(), "serve ");
  for (const runtime::Error& error : reading.errors) {
    runtime::log::report(runtime::log::Level::kError, error);
  }
  runtime::log::fatal("configuration file \"{}\" contains errors", reading.config.config_file);
  CommandLine line;
  line.exit_code = 1;
  return line;
}

CommandLine parse_serve(const Words& words) {
  ConfigReading reading = read_config(words);
  if (!reading.help.empty()) {
    return answer(format("Usage: walcast serve [OPTION]...\n\n{}", reading.help));
  }
  const bool check = reading.config.check;
  if (!reading.errors.empty() && !check) return refuse(reading);
  for (const std::string& file : reading.skipped_files) {
    runtime::log::log("skipping missing configuration file \"{}\"", file);
  }
  CommandLine line;
  line.verb = check ? Verb::kCheck : Verb::kServe;
  line.serve = std::move(reading.config);
  line.findings = std::move(reading.errors);
  return line;
}

CommandLine parse_generate(const Words& words) {
  CommandLine line;
  wal::GenerateOptions& generate = line.generate;
  settings::Options options(nullptr);
  options.add("size", generate.size_bytes, "1GB", settings::bytes(), "WAL to write");
  options.add("record-size", generate.records, "50..8000", settings::record_sizes(),
              "Size of a record, one or a range");
  options.add("wal-segment-size", generate.segment_size, "16MB", settings::segment_size(),
              "Segment size");
  std::uint64_t seed = 0;  // apart from the records, since record-size replaces these
  options.add("seed", seed, std::to_string(generate.records.seed), settings::seed(),
              "The same seed makes the same WAL");
  options.add_switch("sync", generate.sync, "fsync every segment");
  options.add_switch("no-progress", line.generate_quietly, "Do not say how far it is");
  const auto flags = settings::read_flags(options, words);
  if (!flags) return refuse(flags.error(), "generate ");
  if (flags->help) {
    return answer(format("Usage: walcast generate [OPTION]... DIRECTORY\n\n{}", options.help()));
  }
  for (const auto& assignment : flags->assignments) {
    if (auto taken = options.assign(assignment); !taken) return refuse(taken.error(), "generate ");
  }
  generate.records.seed = seed;
  if (flags->operands.empty()) return refuse("no directory is given to write to", "generate ");
  if (flags->operands.size() > 1) {
    return refuse(format("too many command-line arguments (first is \"{}\")", flags->operands[1]),
                  "generate ");
  }
  generate.directory = flags->operands.front();
  line.verb = Verb::kGenerate;
  return line;
}

// Of WAL that a wrong command line keeps from being read, nothing is known.
CommandLine refuse_verify(runtime::Error error) {
  CommandLine line = refuse(std::move(error), "verify ");
  line.exit_code = 2;
  return line;
}

CommandLine parse_verify(const Words& words) {
  CommandLine line;
  verify::VerifyOptions& verify = line.verify;
  settings::Options options(nullptr);
  std::uint32_t timeline = 0;
  options.add("from", verify.scope.from, "", settings::lsn_or(wal::Lsn()),
              "Only WAL from this position on");
  options.add("to", verify.scope.to, "", settings::lsn_or(wal::Lsn::max()),
              "Only WAL before this position, up to which it must be there");
  options.add("timeline", timeline, "0",
              settings::integer<std::uint32_t>(0, std::numeric_limits<std::uint32_t>::max()),
              "Only what a recovery to this timeline reads; 0: all timelines");
  options.add("jobs", verify.jobs, "0", settings::integer<std::size_t>(0, 1024),
              "Threads that prove; 0: one for each core");
  options.add_switch("json", verify.json, "Say what is found as one JSON object");
  options.add_switch("no-progress", verify.no_progress, "Do not say how far it is");
  const auto flags = settings::read_flags(options, words);
  if (!flags) return refuse_verify(flags.error());
  if (flags->help) {
    return answer(format("Usage: walcast verify [OPTION]... DIRECTORY\n\n{}", options.help()));
  }
  for (const auto& assignment : flags->assignments) {
    if (auto taken = options.assign(assignment); !taken) return refuse_verify(taken.error());
  }
  if (flags->operands.size() != 1) {
    return refuse_verify({.kind = &wire::kSyntaxError,
                          .what = flags->operands.empty()
                                      ? std::string("no directory is given to verify")
                                      : format("too many command-line arguments (first is \"{}\")",
                                               flags->operands[1])});
  }
  if (timeline != 0) verify.scope.timeline = wal::TimelineId{timeline};
  verify.directory = flags->operands.front();
  line.verb = Verb::kVerify;
  return line;
}

CommandLine parse_client(client::Command::Verb verb, const Words& words) {
  auto reading = client::read_command(verb, words);
  if (!reading) return refuse(std::move(reading).error(), "");
  if (!reading->help.empty()) return answer(reading->help);
  CommandLine line;
  line.verb = Verb::kClient;
  line.client = std::move(reading->command);
  return line;
}

}  // namespace

CommandLine parse_command_line(int argc, const char* const* argv) {
  const Words words(argv + std::min(argc, 1), argv + argc);
  if (words.empty()) return refuse("no command is given", "");
  const Words rest(words.begin() + 1, words.end());
  const std::string& command = words.front();
  if (command == "serve") return parse_serve(rest);
  if (command == "generate") return parse_generate(rest);
  if (command == "verify") return parse_verify(rest);
  if (command == "top") return parse_client(client::Command::Verb::kTop, rest);
  if (command == "status") return parse_client(client::Command::Verb::kStatus, rest);
  if (command == "ctl") return parse_client(client::Command::Verb::kCtl, rest);
  if (command == "--help" || command == "-h" || command == "-?") return answer(kUsage);
  if (command == "--version" || command == "-V") return answer(version_text());
  return refuse(format("unrecognized command \"{}\"", command), "");
}

}  // namespace server::config

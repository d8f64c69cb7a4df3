#include "bench/walbench/arguments.h"

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <map>
#include <thread>
#include <utility>

#include "bench/behaviour/scenario_file.h"
#include "runtime/format.h"

namespace bench::walbench {

using behaviour::Group;
using behaviour::kStandbysMax;
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

bool is_bare_number(const std::string& text) {
  return text.find_first_not_of("0123456789") == std::string::npos;
}

CLI::Validator time() {
  CLI::Validator with_unit = number_with(kTimeUnits, "TIME");
  return CLI::Validator(
      [with_unit](std::string& text) -> std::string {
        if (is_bare_number(text)) text += "s";
        return with_unit(text);
      },
      "TIME");
}

std::string take_per_second(std::string& text, const char* example) {
  if (!text.ends_with("/s")) return std::string(example) + " is expected, not " + text;
  text.resize(text.size() - 2);
  return {};
}

std::size_t threads_for(const Options& options) {
  const std::size_t wanted =
      options.threads != 0 ? options.threads : std::max(1u, std::thread::hardware_concurrency());
  return std::min(wanted, options.standbys());
}

}  // namespace

CLI::Validator size_with_unit(BareNumber bare) {
  CLI::Validator size = number_with(kSizeUnits, "SIZE");
  return CLI::Validator(
      [size, bare](std::string& text) -> std::string {
        if (bare == BareNumber::kAllowed && is_bare_number(text)) text += "B";
        return size(text);
      },
      "SIZE");
}

CLI::Validator bytes_per_second() {
  CLI::Validator size = number_with(kSizeUnits, "RATE");
  return CLI::Validator(
      [size](std::string& text) -> std::string {
        std::string wrong = take_per_second(text, "a rate such as 1MB/s");
        return wrong.empty() ? size(text) : wrong;
      },
      "RATE");
}

CLI::Validator times_per_second() {
  return CLI::Validator(
      [](std::string& text) -> std::string {
        return take_per_second(text, "a rate such as 200/s");
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

CLI::Option* add_duration(CLI::App& app, const char* name, std::uint64_t& micros,
                          const char* help) {
  return app.add_option(name, micros, help)
      ->check(CLI::Range(std::uint64_t{1}, kTimeMax).description(""))
      ->transform(time());
}

runtime::Duration from_micros(std::uint64_t micros) {
  return std::chrono::microseconds(static_cast<std::int64_t>(micros));
}

void FleetArguments::add_to(CLI::App& app) {
  add_server(app);
  add_groups(app);
  add_standbys(app);
}

void FleetArguments::add_server(CLI::App& app) {
  app.add_option("--host", options_.host, "The server's name or address")->capture_default_str();
  app.add_option("--port", options_.port, "Its port")
      ->check(CLI::Range(1, 65535))
      ->capture_default_str();
  app.add_option("--user", options_.user, "Role to log in as")->capture_default_str();
  app.add_option("--application-name", options_.application_name,
                 "Name of the standbys; _0, _1 ... follow")
      ->capture_default_str();
  app.add_option("--sslmode", options_.ssl_mode,
                 "disable; require: TLS; verify-full: and the certificate's name is the host's")
      ->check(CLI::IsMember({"disable", "require", "verify-full"}))
      ->capture_default_str();
  app.add_option("--sslrootcert", options_.root_certificates,
                 "File of the certificates by which verify-full judges")
      ->check(CLI::ExistingFile);
}

void FleetArguments::add_groups(CLI::App& app) {
  auto* scenario = app.add_option("--scenario", options_.scenario_file,
                                  "File of groups of standbys, and how each behaves")
                       ->check(CLI::ExistingFile);
  app.add_option("--standbys", standbys_,
                 "How many standbys: 1; of a scenario, its groups in proportion")
      ->check(CLI::Range(std::size_t{1}, kStandbysMax));
  app.add_option("--seed", seed_, "Of what is random in a scenario; else the file's")
      ->needs(scenario);
  app.add_option("--slow", slow_standbys_, "So many of the standbys are slow")->excludes(scenario);
  app.add_option("--slow-rate", slow_bytes_per_second_, "How fast a slow one reads: 1MB/s")
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1} << 40).description(""))
      ->transform(bytes_per_second())
      ->excludes(scenario);
  app.add_option("--verify", options_.verify_directory,
                 "Compare every byte with the segment files of this directory")
      ->check(CLI::ExistingDirectory);
}

void FleetArguments::add_standbys(CLI::App& app) {
  app.add_option("--threads", options_.threads, "Threads; one per processor if not given")
      ->check(CLI::Range(1, 1024));
  app.add_option("--timeline", timeline_, "Timeline to stream; the server's if not given")
      ->check(CLI::Range(std::uint32_t{1}, std::numeric_limits<std::uint32_t>::max()));
  add_lsn(app, "--start", options_.start,
          "Where to start; the server's newest segment if not given");
  app.add_option("--logins", options_.logins_max, "How many may log in at once, over all threads")
      ->check(CLI::Range(std::size_t{1}, kStandbysMax))
      ->capture_default_str();
  add_duration(app, "--status-interval", status_interval_, "Time between status updates: 1s");
  app.add_flag("--progress", options_.progress, "Print a line per second to standard error");
}

std::optional<std::string> FleetArguments::finish() {
  if (timeline_ != 0) options_.timeline = TimelineId{timeline_};
  options_.status_interval = from_micros(status_interval_);
  if (const char* password = std::getenv("PGPASSWORD")) options_.password = password;
  if (auto wrong = make_groups()) return wrong;
  for (const Group& group : options_.groups) {
    if (auto wrong = check_group(group)) return wrong;
  }
  options_.threads = threads_for(options_);
  return std::nullopt;
}

std::optional<std::string> FleetArguments::make_groups() {
  if (!options_.scenario_file.empty()) return read_scenario();
  const std::size_t standbys = std::max<std::size_t>(1, standbys_);
  const std::size_t slow = std::min(slow_standbys_, standbys);
  options_.groups.clear();
  if (slow < standbys) options_.groups.push_back({.name = "fast", .count = standbys - slow});
  if (slow > 0) {
    options_.groups.push_back(
        {.name = "slow", .count = slow, .bytes_per_second = slow_bytes_per_second_});
  }
  return std::nullopt;
}

std::optional<std::string> FleetArguments::read_scenario() {
  auto scenario = behaviour::read_scenario(options_.scenario_file);
  if (!scenario) return scenario.error().what;
  options_.seed = seed_.value_or(scenario->seed);
  options_.groups = std::move(scenario->groups);
  if (standbys_ == 0) return std::nullopt;
  if (standbys_ < options_.groups.size()) {
    return runtime::format("--standbys: the scenario has {} groups", options_.groups.size());
  }
  options_.groups = behaviour::scaled_to(std::move(options_.groups), standbys_);
  return std::nullopt;
}

std::optional<std::string> FleetArguments::check_group(const Group& group) const {
  const std::string where =
      options_.scenario_file.empty()
          ? ""
          : runtime::format("{}: group \"{}\": ", options_.scenario_file, group.name);
  if (options_.ssl_mode_of(group) == "verify-full" && options_.root_certificates.empty()) {
    return where + "--sslmode verify-full: --sslrootcert is required";
  }
  if (group.verify.value_or(false) && options_.verify_directory.empty()) {
    return where + "verify: --verify is required, with the directory to compare with";
  }
  if (writer_ == Writer::kNone && group.feedback && group.feedback->asks_primary) {
    return where + "feedback: only walbench live can ask the primary; a transaction id is required";
  }
  return std::nullopt;
}

}  // namespace bench::walbench

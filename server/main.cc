#include <unistd.h>

#include <cstdio>
#include <string>
#include <utility>

#include "runtime/clock.h"
#include "runtime/log.h"
#include "runtime/process.h"
#include "runtime/progress.h"
#include "server/admin/check.h"
#include "server/admin/process_rules.h"
#include "server/config/command_line.h"
#include "server/listeners.h"
#include "server/server.h"
#include "server/verify/verify.h"

namespace {

int report(const runtime::Error& error) {
  runtime::log::report(runtime::log::Level::kFatal, error);
  return 1;
}

server::admin::ProcessRules rules_of(const server::config::ServeConfig& config) {
  const auto& tls = config.reloadable.tls;
  return {.user = config.process.user,
          .allow_root = config.process.allow_root,
          .allow_core_dumps = config.process.allow_core_dumps,
          .has_secrets = !config.access_files.users.empty() || tls.on ||
                         config.reloadable.roles.is_on() ||
                         server::admin::has_password(config.primary_conninfo),
          .runs_programs = !tls.files.passphrase.command.empty(),
          .seccomp = config.process.seccomp};
}

// The log's own thread, until the last word is said.
struct LogThread {
  LogThread() { runtime::log::start(); }
  ~LogThread() { runtime::log::stop(); }
};

int run_serve(const server::config::ServeConfig& config) {
  runtime::log::set_level(config.reloadable.log_level);
  runtime::log::set_output(config.reloadable.log.output);
  if (auto taken = server::admin::take_on(rules_of(config)); !taken) return report(taken.error());
  const LogThread log_thread;
  server::Server server(config);
  auto exit_code = server.run();
  return exit_code ? *exit_code : report(exit_code.error());
}

int run_check(const server::config::CommandLine& line) {
  if (!line.findings.empty()) return server::admin::refuse_check(line.findings);
  const server::config::ServeConfig& config = line.serve;
  if (auto taken = server::admin::take_on(rules_of(config)); !taken) {
    return server::admin::refuse_check({std::move(taken).error()});
  }
  return server::admin::check(
      {.wal_directory = config.wal_directory,
       .recovery_target_timeline = config.recovery_target_timeline,
       .spool_directory = config.spool_directory,
       .adopt_spool = config.adopt_spool,
       .state_directory = config.state_directory,
       .primary_conninfo = config.primary_conninfo,
       .primary_slot_name = config.primary_slot_name,
       .create_primary_slot = config.create_primary_slot,
       .wal_receiver_timeout = config.wal_receiver_timeout,
       .min_free_space = config.min_free_space,
       .max_replication_slots = config.max_replication_slots,
       .access_files = config.access_files,
       .tls = config.reloadable.tls.options(/*at_reload=*/false),
       .roles = config.reloadable.roles,
       .find_address = [&] { return server::Listeners(server::listener_options(config)).look(); }});
}

int run_generate(server::wal::GenerateOptions options, bool quiet) {
  const runtime::SystemClock clock;
  runtime::Progress progress({.is_terminal = ::isatty(STDERR_FILENO) == 1,
                              .quiet = quiet,
                              .total_bytes = options.size_bytes},
                             clock, stderr);
  options.progress = [&](std::uint64_t done_bytes) { progress.show(done_bytes); };
  const auto summary = server::wal::generate(options);
  progress.clear();
  if (!summary) return report(summary.error());
  std::printf("%s: %llu records in %llu segments, %s to %s\n", options.directory.c_str(),
              static_cast<unsigned long long>(summary->records),
              static_cast<unsigned long long>(summary->segments), summary->first_segment.c_str(),
              summary->last_segment.c_str());
  return 0;
}

int run_verify(const server::verify::VerifyOptions& options) {
  const runtime::SystemClock clock;
  return server::verify::verify(options, clock,
                                {.progress_is_terminal = ::isatty(STDERR_FILENO) == 1});
}

}  // namespace

int main(int argc, char** argv) {
  runtime::set_readers_of_new_files(runtime::Readers::kOwner);
  const server::config::CommandLine line = server::config::parse_command_line(argc, argv);
  switch (line.verb) {
    case server::config::CommandLine::Verb::kServe:
      return run_serve(line.serve);
    case server::config::CommandLine::Verb::kCheck:
      return run_check(line);
    case server::config::CommandLine::Verb::kGenerate:
      return run_generate(line.generate, line.generate_quietly);
    case server::config::CommandLine::Verb::kClient:
      return server::client::run(line.client);
    case server::config::CommandLine::Verb::kVerify:
      return run_verify(line.verify);
    case server::config::CommandLine::Verb::kExit:
      return line.exit_code;
  }
}

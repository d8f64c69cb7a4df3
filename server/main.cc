#include <cstdio>
#include <string>

#include "runtime/log.h"
#include "server/addresses.h"
#include "server/admin/check.h"
#include "server/config/command_line.h"
#include "server/server.h"

namespace {

int report(const runtime::Error& error) {
  runtime::log::report(runtime::log::Level::kFatal, error);
  return 1;
}

// The log's own thread, until the last word is said.
struct LogThread {
  LogThread() { runtime::log::start(); }
  ~LogThread() { runtime::log::stop(); }
};

int run_serve(const server::config::ServeConfig& config) {
  runtime::log::set_level(config.reloadable.log_level);
  const LogThread log_thread;
  server::Server server(config);
  auto exit_code = server.run();
  return exit_code ? *exit_code : report(exit_code.error());
}

runtime::Result<std::string> find_address(const server::config::ServeConfig& config) {
  const auto addresses = TRY(server::find_listen_addresses(config.listen_addresses, config.port));
  return addresses.front().text();
}

int run_check(const server::config::CommandLine& line) {
  if (!line.findings.empty()) return server::admin::refuse_check(line.findings);
  const server::config::ServeConfig& config = line.serve;
  return server::admin::check({.wal_directory = config.wal_directory,
                               .spool_directory = config.spool_directory,
                               .state_directory = config.state_directory,
                               .primary_conninfo = config.primary_conninfo,
                               .primary_slot_name = config.primary_slot_name,
                               .create_primary_slot = config.create_primary_slot,
                               .wal_receiver_timeout = config.wal_receiver_timeout,
                               .min_free_space = config.min_free_space,
                               .max_replication_slots = config.max_replication_slots,
                               .find_address = [&] { return find_address(config); }});
}

int run_generate(const server::wal::GenerateOptions& options) {
  const auto summary = server::wal::generate(options);
  if (!summary) return report(summary.error());
  std::printf("%s: %llu records in %llu segments, %s to %s\n", options.directory.c_str(),
              static_cast<unsigned long long>(summary->records),
              static_cast<unsigned long long>(summary->segments), summary->first_segment.c_str(),
              summary->last_segment.c_str());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const server::config::CommandLine line = server::config::parse_command_line(argc, argv);
  switch (line.verb) {
    case server::config::CommandLine::Verb::kServe:
      return run_serve(line.serve);
    case server::config::CommandLine::Verb::kCheck:
      return run_check(line);
    case server::config::CommandLine::Verb::kGenerate:
      return run_generate(line.generate);
    case server::config::CommandLine::Verb::kExit:
      return line.exit_code;
  }
}

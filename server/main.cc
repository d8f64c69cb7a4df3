#include <cstdio>

#include "runtime/log.h"
#include "server/admin/standby_table.h"
#include "server/check.h"
#include "server/command_line.h"
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

int run_serve(const server::ServeConfig& config) {
  runtime::log::set_level(config.reloadable.log_level);
  const LogThread log_thread;
  server::Server server(config);
  auto exit_code = server.run();
  return exit_code ? *exit_code : report(exit_code.error());
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
  const server::CommandLine line = server::parse_command_line(argc, argv);
  switch (line.verb) {
    case server::CommandLine::Verb::kServe:
      return run_serve(line.serve);
    case server::CommandLine::Verb::kCheck:
      return server::check(line);
    case server::CommandLine::Verb::kGenerate:
      return run_generate(line.generate);
    case server::CommandLine::Verb::kExit:
      return line.exit_code;
  }
}

// walbench: a fleet of light standbys against any server that streams PostgreSQL's WAL. README.md
// says what it measures; walbench/fleet.h is where a fleet begins, live/live_run.h is commits on
// their way to one, results/comparison.h whether runs differ, and trace/record_command.h a server's
// rhythm.

#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <variant>

#include "bench/live/live_command.h"
#include "bench/results/compare_command.h"
#include "bench/trace/record_command.h"
#include "bench/walbench/command_line.h"
#include "bench/walbench/fleet.h"
#include "bench/walbench/report.h"
#include "runtime/log.h"
#include "runtime/print.h"

namespace bench {

int fail(const runtime::Error& error) {
  runtime::log::fatal("{}", error.what);
  return EXIT_FAILURE;
}

int run_fleet(int argc, const char* const* argv) {
  using namespace walbench;
  const auto parsed = parse_options(argc, argv);
  if (const auto* status = std::get_if<ExitStatus>(&parsed)) return status->value;
  const auto& options = std::get<Options>(parsed);
  Fleet fleet(options);
  const auto outcome = fleet.run();
  if (!outcome) return fail(outcome.error());
  const auto printed = runtime::print(stdout, options.json ? to_json(*outcome) : to_text(*outcome));
  if (!printed) return fail(printed.error());
  return outcome->succeeded() ? EXIT_SUCCESS : EXIT_FAILURE;
}

}  // namespace bench

int main(int argc, char** argv) {
  const std::string_view command = argc > 1 ? argv[1] : "";
  if (command == "live") return bench::live::run_live(argc - 1, argv + 1);
  if (command == "record") return bench::trace::run_record(argc - 1, argv + 1);
  if (command == "compare") return bench::results::run_compare(argc - 1, argv + 1);
  return bench::run_fleet(argc, argv);
}

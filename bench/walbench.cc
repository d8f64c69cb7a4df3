// walbench: a fleet of light standbys against any server that streams PostgreSQL's WAL. README.md
// says what it measures; walbench/fleet.h is where it begins.

#include <cstdio>
#include <cstdlib>
#include <variant>

#include "bench/walbench/fleet.h"
#include "bench/walbench/options.h"
#include "bench/walbench/report.h"
#include "runtime/log.h"

int main(int argc, char** argv) {
  using namespace bench::walbench;
  const auto parsed = parse_options(argc, argv);
  if (const auto* status = std::get_if<ExitStatus>(&parsed)) return status->value;
  const auto& options = std::get<Options>(parsed);
  Fleet fleet(options);
  const auto outcome = fleet.run();
  if (!outcome) {
    runtime::log::fatal("{}", outcome.error().what);
    return EXIT_FAILURE;
  }
  std::fputs((options.json ? to_json(*outcome) : to_text(*outcome)).c_str(), stdout);
  return outcome->succeeded() ? EXIT_SUCCESS : EXIT_FAILURE;
}

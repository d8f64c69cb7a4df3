#include "bench/walbench/command_line.h"

#include "bench/walbench/arguments.h"

namespace bench::walbench {

std::variant<Options, ExitStatus> parse_options(int argc, const char* const* argv) {
  Options options;
  std::uint64_t duration = 0;
  FleetArguments fleet(options, FleetArguments::Writer::kNone);

  CLI::App app("A fleet of light standbys against any server that streams PostgreSQL's WAL");
  app.footer(
      "walbench live --help: commits are written meanwhile, and their way to standbys is timed\n"
      "walbench compare --help: whether what was measured differs\n"
      "walbench record --help: the rhythm of a server's WAL is written to a file");
  fleet.add_to(app);
  add_lsn(app, "--until", options.until, "A standby ends when it has this much");
  add_duration(app, "--duration", duration, "All standbys end after this time, such as 10s");
  app.add_option("--stamps", options.stamps,
                 "Look for this label's stamps in the WAL, and measure the time since each")
      ->excludes("--verify");
  app.add_flag("--json", options.json, "Print the summary as one JSON object");

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return ExitStatus{app.exit(error)};
  }
  if (const auto wrong = fleet.finish()) return ExitStatus{app.exit(CLI::ValidationError(*wrong))};
  if (duration != 0) options.duration = from_micros(duration);
  return options;
}

}  // namespace bench::walbench

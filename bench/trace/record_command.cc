#include "bench/trace/record_command.h"

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "bench/behaviour/group.h"
#include "bench/walbench/arguments.h"
#include "bench/walbench/fleet.h"
#include "bench/walbench/report.h"
#include "runtime/format.h"
#include "runtime/json.h"
#include "runtime/log.h"
#include "runtime/print.h"

namespace bench::trace {

using runtime::format;
using walbench::ExitStatus;
using walbench::format_bytes;
using walbench::format_micros;
using walbench::Histogram;
using walbench::Recorder;

namespace {

double seconds(runtime::Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

double per_second(std::uint64_t count, runtime::Duration duration) {
  return duration.count() > 0 ? static_cast<double>(count) / seconds(duration) : 0;
}

std::string percentiles(const Histogram& values, std::string (*text)(double)) {
  const auto shown = [&](std::uint64_t value) { return text(static_cast<double>(value)); };
  return format("min {}, p50 {}, p90 {}, p99 {}, max {}", shown(values.min()),
                shown(values.percentile(0.5)), shown(values.percentile(0.9)),
                shown(values.percentile(0.99)), shown(values.max()));
}

std::string percentiles_json(const Histogram& values) {
  return format("{{\"min\": {}, \"p50\": {}, \"p90\": {}, \"p99\": {}, \"max\": {}}}", values.min(),
                values.percentile(0.5), values.percentile(0.9), values.percentile(0.99),
                values.max());
}

int fail(const runtime::Error& error) {
  runtime::log::fatal("{}", error.what);
  return EXIT_FAILURE;
}

}  // namespace

std::variant<RecordOptions, ExitStatus> parse_record_options(int argc, const char* const* argv) {
  RecordOptions options;
  std::uint64_t duration = 0;
  walbench::FleetArguments server(options.standby, walbench::FleetArguments::Writer::kNone);
  CLI::App app("A trace of a server's WAL: when how much of it came, and nothing of the WAL itself",
               "walbench record");
  server.add_server(app);
  app.add_option("--output", options.standby.record_file, "File to write the trace to")->required();
  walbench::add_duration(app, "--duration", duration,
                         "How long to record; until Ctrl-C if not given");
  walbench::add_lsn(app, "--start", options.standby.start,
                    "Where to start; the end of the server's WAL if not given");
  app.add_flag("--progress", options.standby.progress, "Print a line per second to standard error");
  app.add_flag("--json", options.json, "Print the summary as one JSON object");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return ExitStatus{app.exit(error)};
  }
  if (const auto wrong = server.finish()) return ExitStatus{app.exit(CLI::ValidationError(*wrong))};
  if (!options.standby.start) {
    options.standby.groups.front().start.kind = behaviour::StartPoint::Kind::kEnd;
  }
  if (duration != 0) options.standby.duration = walbench::from_micros(duration);
  return options;
}

std::string to_text(const Recorder& recorder) {
  const server::wal::TraceTotals& totals = recorder.trace()->totals();
  std::string text =
      format("recorded {:.1f} s of WAL in \"{}\"\n", seconds(totals.duration), recorder.path());
  text += format("  messages      {}, {:.1f} a second\n", totals.messages,
                 per_second(totals.messages, totals.duration));
  text += format("  WAL           {}, {}/s\n", format_bytes(static_cast<double>(totals.bytes)),
                 format_bytes(per_second(totals.bytes, totals.duration)));
  if (recorder.message_bytes().count() > 0) {
    text += format("  message size  {}\n", percentiles(recorder.message_bytes(), format_bytes));
  }
  if (recorder.gap_us().count() > 0) {
    text += format("  gap           {}\n", percentiles(recorder.gap_us(), format_micros));
  }
  return text;
}

std::string to_json(const Recorder& recorder) {
  const server::wal::TraceTotals& totals = recorder.trace()->totals();
  return format(
      "{{\"file\": {}, \"seconds\": {:.6f}, \"messages\": {}, \"bytes\": {}, "
      "\"messages_per_second\": {:.1f}, \"bytes_per_second\": {:.0f}, \"message_bytes\": {}, "
      "\"gap_us\": {}}}\n",
      runtime::json_string(recorder.path()), seconds(totals.duration), totals.messages,
      totals.bytes, per_second(totals.messages, totals.duration),
      per_second(totals.bytes, totals.duration), percentiles_json(recorder.message_bytes()),
      percentiles_json(recorder.gap_us()));
}

int run_record(int argc, const char* const* argv) {
  const auto parsed = parse_record_options(argc, argv);
  if (const auto* status = std::get_if<ExitStatus>(&parsed)) return status->value;
  const auto& options = std::get<RecordOptions>(parsed);
  walbench::Fleet fleet(options.standby);
  const auto outcome = fleet.run();
  if (!outcome) return fail(outcome.error());
  const Recorder& recorder = *fleet.workers().front().recorder();
  if (recorder.trace() != nullptr) {
    const auto printed =
        runtime::print(stdout, options.json ? to_json(recorder) : to_text(recorder));
    if (!printed) return fail(printed.error());
  }
  const bool is_whole = outcome->succeeded() && outcome->tally.failures.total() == 0;
  return is_whole ? EXIT_SUCCESS : EXIT_FAILURE;
}

}  // namespace bench::trace

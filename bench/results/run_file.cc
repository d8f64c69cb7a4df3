#include "bench/results/run_file.h"

#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <utility>

#include "bench/results/live_json.h"
#include "bench/walbench/histogram.h"
#include "runtime/fd.h"
#include "runtime/file.h"
#include "runtime/format.h"

namespace bench::results {

using runtime::format;

namespace {

using walbench::kHistogramResolution;
using Json = nlohmann::json;

constexpr std::size_t kFileBytesMax = std::size_t{256} << 20;
constexpr std::size_t kPieceBytes = 64 * 1024;

// The member of an object; null if there is none. nlohmann's own lookups throw.
const Json& member(const Json& json, const char* name) {
  static const Json kNone;
  const auto found = json.is_object() ? json.find(name) : json.end();
  return found == json.end() ? kNone : *found;
}

std::string text_of(const Json& json) {
  if (json.is_string()) return json.get<std::string>();
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// What a number is in each object of an array, where it is greater than zero.
std::vector<double> values_in(const Json& array, const char* name) {
  std::vector<double> values;
  if (!array.is_array()) return values;
  for (const Json& object : array) {
    const Json& value = member(object, name);
    if (value.is_number() && value.get<double>() > 0) values.push_back(value.get<double>());
  }
  return values;
}

std::uint64_t count_in(const Json& object, const char* name) {
  const Json& value = member(object, name);
  return value.is_number_unsigned() ? value.get<std::uint64_t>() : 0;
}

std::string shortfall_of(const Json& json) {
  const std::uint64_t failed = count_in(json, "failed_standbys");
  if (failed != 0) return format("{} standbys failed", failed);
  const Json& step = member(json, "clock_set_by_seconds");
  if (step.is_number() && step.get<double>() != 0) return "the wall clock was set meanwhile";
  const std::uint64_t expected = count_in(json, "deliveries_expected");
  const std::uint64_t deliveries = count_in(json, "deliveries");
  if (deliveries < expected) return format("{} of {} deliveries were seen", deliveries, expected);
  return {};
}

void add(Run& run, Run::Measure measure) {
  if (!measure.values.empty()) run.measures.push_back(std::move(measure));
}

void add_arrivals(Run& run, const Json& json) {
  const Json& classes = member(json, "classes");
  if (!classes.is_array()) return;
  for (const Json& of : classes) {
    const Json& windows = member(member(of, "arrival"), "windows_us");
    const std::string name = text_of(member(of, "name"));
    add(run, {.name = "arrival p50, " + name,
              .unit = "us",
              .run_noise = RunNoise::kMedian,
              .values = values_in(windows, "p50"),
              .resolution = kHistogramResolution});
    add(run, {.name = "arrival p99, " + name,
              .unit = "us",
              .run_noise = RunNoise::kTail,
              .values = values_in(windows, "p99"),
              .resolution = kHistogramResolution});
  }
}

void add_rest(Run& run, const Json& json) {
  add(run, {.name = "commits per second",
            .unit = "/s",
            .less_is_better = false,
            .run_noise = RunNoise::kRate,
            .values = values_in(Json::array({json}), "commits_per_second")});
  const Json& server = member(json, "server");
  add(run, {.name = "server CPU per delivery",
            .unit = "us",
            .run_noise = RunNoise::kCpu,
            .values = values_in(Json::array({server}), "cpu_us_per_delivery")});
}

}  // namespace

runtime::Result<Run> parse_run(const std::string& path, std::string_view text) {
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  const Json& schema = member(json, "schema");
  if (!schema.is_string() || schema.get<std::string>() != kLiveSchema) {
    return runtime::Error{.kind = &kNoRunFile,
                          .what = format("\"{}\" is not a file of schema {}", path, kLiveSchema)};
  }
  Run run{.path = path, .measures = {}, .circumstances = {}};
  const Json& others = member(json, "others_cpu");
  if (others.is_number()) run.others_cpu = others.get<double>();
  run.shortfall = shortfall_of(json);
  add_arrivals(run, json);
  add_rest(run, json);
  const Json& setup = member(json, "setup");
  for (const char* name : {"standbys", "scenario", "seed", "sslmode", "rate", "writers",
                           "commit_bytes", "script", "machine", "processors", "window_seconds"}) {
    run.circumstances.emplace_back(name, text_of(member(setup, name)));
  }
  return run;
}

// Piece by piece: a buffer for the largest file there may be would cost more than most files do.
runtime::Result<Run> read_run(const std::string& path) {
  const runtime::UniqueFd file = TRY(runtime::open_for_reading(path));
  std::string text;
  std::size_t read = kPieceBytes;
  while (read == kPieceBytes && text.size() < kFileBytesMax) {
    const std::size_t size = text.size();
    text.resize(size + kPieceBytes);
    read = TRY(
        runtime::read_at(file, path, size, std::as_writable_bytes(std::span(text)).subspan(size)));
    text.resize(size + read);
  }
  return parse_run(path, text);
}

}  // namespace bench::results

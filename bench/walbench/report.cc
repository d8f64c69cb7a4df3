#include "bench/walbench/report.h"

#include <array>
#include <iterator>
#include <span>
#include <string_view>

#include "runtime/format.h"
#include "runtime/json.h"

namespace bench::walbench {

using runtime::format;
using runtime::json_string;

namespace {

struct Unit {
  std::string_view name;
  double factor;
};

// `units` are largest first; the last one takes what is smaller.
std::string with_unit(double value, std::span<const Unit> units) {
  for (const Unit& unit : units.first(units.size() - 1)) {
    if (value >= unit.factor) return format("{:.1f} {}", value / unit.factor, unit.name);
  }
  return format("{:.0f} {}", value, units.back().name);
}

std::string bytes_text(std::uint64_t bytes) { return format_bytes(static_cast<double>(bytes)); }
std::string micros_text(std::uint64_t micros) { return format_micros(static_cast<double>(micros)); }

double ratio(double value, double to) { return to > 0 ? value / to : 0; }

void add_line(std::string& text, std::string_view name, const std::string& value) {
  text += format("  {:<18}{}\n", name, value);
}

void add_messages(std::string& text, const Tally& tally) {
  const Histogram& sizes = tally.message_bytes;
  const Histogram& delays = tally.delay_us;
  add_line(text, "messages", format("{}", sizes.count()));
  if (sizes.count() != 0) {
    add_line(text, "message size",
             format("min {}, p50 {}, p99 {}, max {}", bytes_text(sizes.min()),
                    bytes_text(sizes.percentile(0.5)), bytes_text(sizes.percentile(0.99)),
                    bytes_text(sizes.max())));
  }
  if (delays.count() != 0) {
    add_line(text, "delay",
             format("p50 {}, p99 {}, max {}", micros_text(delays.percentile(0.5)),
                    micros_text(delays.percentile(0.99)), micros_text(delays.max())));
  }
  if (const Histogram& stamps = tally.stamp_us; stamps.count() != 0) {
    add_line(
        text, "stamps",
        format("{}, p50 {}, p99 {}, max {}", stamps.count(), micros_text(stamps.percentile(0.5)),
               micros_text(stamps.percentile(0.99)), micros_text(stamps.max())));
  }
}

void add_incidents(std::string& text, const Tally& tally, const char* indent = "") {
  const auto add = [&](std::string_view name, std::uint64_t count, std::string_view what) {
    if (count != 0) add_line(text, format("{}{}", indent, name), format("{} x {}", count, what));
  };
  add("reconnected", tally.reconnects, "by plan");
  for (const auto& [reason, count] : tally.losses.by_reason()) add("lost", count, reason);
  if (tally.slots_made != 0) {
    add_line(text, format("{}slots", indent),
             format("{} made, {} dropped", tally.slots_made, tally.slots_dropped));
  }
  for (const auto& [reason, count] : tally.failures.by_reason()) add("failed", count, reason);
}

void add_group(std::string& text, const GroupOutcome& outcome) {
  const behaviour::Group& group = outcome.group;
  const Tally& tally = outcome.tally;
  std::string does;
  for (const auto& [key, value] : behaviour::describe(group)) does += format(", {} {}", key, value);
  text += format("\n  {}: {} standbys{}: {} completed, {} failed\n", group.name, group.count, does,
                 tally.completed, tally.failures.total());
  add_line(text, "  received", format("{} of WAL", bytes_text(tally.bytes)));
  if (const Histogram& delays = tally.delay_us; delays.count() != 0) {
    add_line(text, "  delay",
             format("p50 {}, p99 {}, max {}", micros_text(delays.percentile(0.5)),
                    micros_text(delays.percentile(0.99)), micros_text(delays.max())));
  }
  add_incidents(text, tally, "  ");
}

std::string counts_json(const FailureCounts& counts) {
  std::string text;
  for (const auto& [reason, count] : counts.by_reason()) {
    text += format("{}{}: {}", text.empty() ? "" : ", ", json_string(reason), count);
  }
  return "{" + text + "}";
}

std::string group_json(const GroupOutcome& outcome) {
  const Tally& tally = outcome.tally;
  std::string does;
  for (const auto& [key, value] : behaviour::describe(outcome.group)) {
    does += format("{}{}: {}", does.empty() ? "" : ", ", json_string(key), json_string(value));
  }
  return format(
      "{{\"name\": {}, \"standbys\": {}, \"does\": {{{}}}, \"completed\": {}, \"bytes\": {}, "
      "\"delay_us\": {{\"p50\": {}, \"p99\": {}, \"max\": {}}}, \"reconnects\": {}, "
      "\"losses\": {}, \"slots_made\": {}, \"slots_dropped\": {}, \"failures\": {}, "
      "\"mismatches\": {}}}",
      json_string(outcome.group.name), outcome.group.count, does, tally.completed, tally.bytes,
      tally.delay_us.percentile(0.5), tally.delay_us.percentile(0.99), tally.delay_us.max(),
      tally.reconnects, counts_json(tally.losses), tally.slots_made, tally.slots_dropped,
      counts_json(tally.failures), tally.mismatches);
}

}  // namespace

Tally total(const std::vector<GroupOutcome>& groups) {
  Tally sum;
  for (const GroupOutcome& outcome : groups) {
    if (outcome.group.is_prompt()) {
      sum.add(outcome.tally);
      continue;
    }
    Tally without_delay = outcome.tally;
    without_delay.delay_us = Histogram();
    sum.add(without_delay);
  }
  return sum;
}

std::string format_bytes(double bytes) {
  static constexpr std::array kUnits{Unit{"TB", 0x1p40}, Unit{"GB", 0x1p30}, Unit{"MB", 0x1p20},
                                     Unit{"kB", 0x1p10}, Unit{"B", 1}};
  return with_unit(bytes, kUnits);
}

std::string format_micros(double micros) {
  static constexpr std::array kUnits{Unit{"s", 1e6}, Unit{"ms", 1e3}, Unit{"us", 1}};
  return with_unit(micros, kUnits);
}

std::string to_text(const Outcome& outcome) {
  const Tally& tally = outcome.tally;
  const auto standbys = static_cast<double>(outcome.standbys);
  const auto gigabytes = static_cast<double>(tally.bytes) / 0x1p30;
  std::string text = format("{} standbys: {} completed, {} failed\n", outcome.standbys,
                            tally.completed, tally.failures.total());
  add_line(text, "received",
           format("{} of WAL, {} per standby", bytes_text(tally.bytes),
                  format_bytes(static_cast<double>(tally.bytes) / standbys)));
  add_line(text, "time",
           format("{:.2f} s, streaming {:.2f} s", outcome.seconds, outcome.streaming_seconds));
  add_line(text, "throughput",
           format("{}/s, {}/s per standby", format_bytes(outcome.bytes_per_second()),
                  format_bytes(outcome.bytes_per_second() / standbys)));
  add_messages(text, tally);
  add_line(text, "CPU of walbench",
           format("{:.2f} s, {:.0f} % of one core, {:.2f} s per GB", outcome.cpu_seconds,
                  100 * ratio(outcome.cpu_seconds, outcome.seconds),
                  ratio(outcome.cpu_seconds, gigabytes)));
  add_line(text, "memory",
           format("{} of walbench per standby",
                  format_bytes(static_cast<double>(outcome.memory_bytes) / standbys)));
  add_incidents(text, tally);
  if (!outcome.scenario.empty()) {
    for (const GroupOutcome& group : outcome.groups) add_group(text, group);
  }
  return text;
}

std::string to_json(const Outcome& outcome) {
  const auto standbys = static_cast<double>(outcome.standbys);
  const Tally& tally = outcome.tally;
  const Histogram& sizes = tally.message_bytes;
  const Histogram& delays = tally.delay_us;
  const Histogram& stamps = tally.stamp_us;
  std::string groups;
  for (const GroupOutcome& group : outcome.groups) {
    groups += (groups.empty() ? "" : ", ") + group_json(group);
  }
  return format(
      "{{\"standbys\": {}, \"completed\": {}, \"bytes\": {}, \"seconds\": {:.3f}, "
      "\"streaming_seconds\": {:.3f}, \"bytes_per_second\": {:.0f}, \"messages\": {}, "
      "\"message_bytes\": {{\"min\": {}, \"p50\": {}, \"p99\": {}, \"max\": {}}}, "
      "\"delay_us\": {{\"p50\": {}, \"p99\": {}, \"max\": {}}}, "
      "\"stamp_us\": {{\"count\": {}, \"mean\": {:.1f}, \"p50\": {}, \"p99\": {}, \"max\": {}}}, "
      "\"cpu_seconds\": "
      "{:.3f}, "
      "\"memory_bytes_per_standby\": {:.0f}, \"failures\": {}, \"mismatches\": {}, "
      "\"scenario\": {}, \"seed\": {}, \"groups\": [{}]}}\n",
      outcome.standbys, tally.completed, tally.bytes, outcome.seconds, outcome.streaming_seconds,
      outcome.bytes_per_second(), sizes.count(), sizes.min(), sizes.percentile(0.5),
      sizes.percentile(0.99), sizes.max(), delays.percentile(0.5), delays.percentile(0.99),
      delays.max(), stamps.count(), stamps.mean(), stamps.percentile(0.5), stamps.percentile(0.99),
      stamps.max(), outcome.cpu_seconds, ratio(static_cast<double>(outcome.memory_bytes), standbys),
      counts_json(tally.failures), tally.mismatches,
      outcome.scenario.empty() ? "null" : json_string(outcome.scenario), outcome.seed, groups);
}

std::string to_text(const ProgressLine& line) {
  return format("{:7.1f} s  {:6} streaming  {:>10}  {:>10}/s  {} failed", line.elapsed_seconds,
                line.streaming(), bytes_text(line.bytes), format_bytes(line.bytes_per_second),
                line.failed);
}

}  // namespace bench::walbench

#include "server/stats/latency_report.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "runtime/format.h"
#include "server/admin/attribution.h"
#include "server/stats/standby_table.h"

namespace server::stats {

using admin::attribute;
using admin::Attribution;
using runtime::Duration;
using runtime::format;
using stream::index_of;
using stream::Stage;
using stream::StageFigure;

namespace {

using Stages = stream::StageHistograms<std::uint64_t>;

constexpr std::array<std::string_view, stream::kStages> kMeanings{
    "arrived from the primary, to received",
    "found or received, to written to the spool",
    "... to its records proven",
    "... to published to all loops",
    "... to taken by the standby's loop",
    "... to let go by send_delay",
    "... to in the standby's socket",
    "... to the standby's word that it is written",
    "... flushed",
    "... applied"};

// Two or three digits: "4.5 us", "45 us", "1.25 ms", "12 ms", "12.0 s".
std::string text_of(Duration duration) {
  if (duration >= std::chrono::milliseconds(10)) return human_duration(duration);
  const double micros = std::chrono::duration<double, std::micro>(duration).count();
  if (micros >= 1000) return format("{:.2f} ms", micros / 1000);
  return format("{:.{}f} us", micros, micros < 10 ? 1 : 0);
}

std::string text_of(double nanos) { return text_of(Duration(static_cast<Duration::rep>(nanos))); }
std::string text_of(std::uint64_t nanos) {
  return text_of(Duration(static_cast<Duration::rep>(nanos)));
}

std::string stage_line(std::string_view name, const Stages::Histogram& times,
                       std::string_view meaning) {
  return format("{:<10} {:>10} {:>9} {:>9} {:>9} {:>9} {:>9}  {}\n", name, times.count(),
                text_of(times.mean()), text_of(times.percentile(0.5)),
                text_of(times.percentile(0.99)), text_of(times.percentile(0.999)),
                text_of(times.max()), meaning);
}

// What send_delay has bought: sends that were saved.
std::string gathering_line(const Stages& stages) {
  const std::uint64_t deliveries = stages.stages[index_of(Stage::kGathered)].count();
  const std::uint64_t sends = stages.gathered_sends;
  if (sends == 0) return {};
  const std::string merged =
      stages.merged_spans == 0
          ? ""
          : format("; {} more counted with the one behind them", stages.merged_spans);
  return format("send_delay: {} deliveries in {} sends, {:.2f} in each{}\n", deliveries, sends,
                static_cast<double>(deliveries) / static_cast<double>(sends), merged);
}

// The first two are of some servers only: one that has taken no time at all is none of this one's.
std::string stage_lines(const Stages& stages) {
  std::string text = format("{:<10} {:>10} {:>9} {:>9} {:>9} {:>9} {:>9}\n", "stage", "deliveries",
                            "mean", "p50", "p99", "p99.9", "max");
  for (std::size_t i = 0; i < stream::kStages; ++i) {
    const auto stage = static_cast<Stage>(i);
    if (stage == Stage::kWritten) {
      text += stage_line("= walcast", stages.server, "all of the above");
    }
    const Stages::Histogram& times = stages.stages[i];
    if (times.count() == 0 || (stage <= Stage::kStored && times.max() == 0)) continue;
    text += stage_line(name_of(stage), times, kMeanings[i]);
  }
  return text + gathering_line(stages);
}

std::string cell(const StageFigure& figure) {
  return figure.count == 0 ? "-" : text_of(figure.mean);
}

std::string verdict(const Attribution& most) {
  if (most.took == Duration::zero()) return std::string(name_of(most.cause));
  return format("{}, {}{}", name_of(most.cause), text_of(most.took), most.goes_on ? " so far" : "");
}

std::string standby_line(const SessionStatus& standby, const Attribution& most) {
  const stream::DeliveryStatus& delivery = standby.delivery;
  const auto own = [&](Stage stage) { return cell(delivery.stages[index_of(stage)]); };
  Duration server{};
  for (std::size_t i = 0; i < stream::kServerStages; ++i) server += delivery.stages[i].mean;
  const bool has_any = delivery.stages[index_of(Stage::kSent)].count > 0;
  return format("{:<20.20} {:<10} {:>10} {:>9} {:>9} {:>9} {:>9}  {}\n",
                standby.application_name.empty() ? standby.client : standby.application_name,
                standby.state, delivery.stages[index_of(Stage::kSent)].count,
                has_any ? text_of(server) : "-", own(Stage::kWritten), own(Stage::kFlushed),
                own(Stage::kApplied), verdict(most));
}

std::string standby_lines(const std::vector<SessionStatus>& standbys) {
  std::vector<std::pair<Attribution, const SessionStatus*>> rows;
  for (const SessionStatus& standby : standbys) {
    if (standby.state == "startup") continue;
    rows.emplace_back(attribute(standby.delivery), &standby);
  }
  std::sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) {
    if (a.first.took != b.first.took) return a.first.took > b.first.took;
    return a.second->process_id < b.second->process_id;
  });
  std::string text =
      format("{:<20} {:<10} {:>10} {:>9} {:>9} {:>9} {:>9}  {}\n", "standby", "state", "deliveries",
             "walcast", "written", "flushed", "applied", "most of it");
  const std::size_t shown = std::min(rows.size(), kLatencyRowsMax);
  for (std::size_t i = 0; i < shown; ++i) text += standby_line(*rows[i].second, rows[i].first);
  if (rows.size() > shown) text += format("... and {} more\n", rows.size() - shown);
  return text;
}

}  // namespace

std::string render_latency(const LatencySnapshot& snapshot, LatencySpan span,
                           Duration since_start) {
  const bool all = span == LatencySpan::kAll;
  const Duration covered = all ? since_start : std::min(snapshot.stages.recent_time, since_start);
  const Stages& stages = all ? snapshot.stages.all : snapshot.stages.recent;
  std::string text = format("walcast: latency of the last {:.0f} s, {} live deliveries\n",
                            std::chrono::duration<double>(covered).count(), stages.server.count());
  if (stages.server.count() > 0) text += stage_lines(stages);
  return text + standby_lines(snapshot.standbys);
}

}  // namespace server::stats

#include "bench/results/live_plots.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "bench/walbench/report.h"
#include "runtime/format.h"

namespace bench::results {

using runtime::format;
using walbench::format_bytes;
using walbench::format_micros;

namespace {

constexpr double kLeastMicros = 10;  // where an axis of delays may begin
constexpr std::size_t kCommitColour = kColours - 1;
constexpr std::size_t kStandbyPoints = 400;
constexpr double kHeadroom = 1.1;  // above a rate that is held

// Of one of many, beside that of commits.
std::size_t colour_of(std::size_t index) {
  return index / kCommitColour * kColours + index % kCommitColour;
}

std::string seconds_text(double seconds) { return format("{:g} s", seconds); }

std::string count_text(double count) {
  if (count >= 1e6) return format("{:g} M", count / 1e6);
  if (count >= 1e4) return format("{:g} k", count / 1e3);
  return format("{:g}", count);
}

// The least and the greatest y of all series.
std::pair<double, double> range_of(const std::vector<Series>& series) {
  double low = 1e300;
  double high = 0;
  for (const Series& one : series) {
    for (const Series::Point& point : one.points) {
      low = std::min(low, point.y);
      high = std::max(high, point.y);
    }
  }
  return {std::min(low, high), high};
}

Axis delay_axis(const std::vector<Series>& series) {
  const auto [low, high] = range_of(series);
  return logarithmic_axis("delay", low, high, kLeastMicros, format_micros);
}

// With ticks at round numbers of the unit that fits, whose factor is 1024.
Axis bytes_axis(std::string label, double high) {
  double unit = 1;
  while (high / unit >= 1024) unit *= 1024;
  const double least = 8;  // an axis of less would only show that nothing is behind
  Axis axis = linear_axis(std::move(label), std::max(high, least) / unit,
                          [&](double value) { return format_bytes(value * unit); });
  axis.high *= unit;
  for (Tick& tick : axis.ticks) tick.at *= unit;
  return axis;
}

Axis time_axis(const LiveResult& result) {
  Axis axis = linear_axis("since the begin of the measurement", result.seconds, seconds_text);
  axis.high = std::max(result.seconds, 1e-3);
  std::erase_if(axis.ticks, [&](const Tick& tick) { return tick.at > axis.high; });
  return axis;
}

Series curve_of(const std::string& name, std::size_t colour, const Delays& delays) {
  Series series{.name = name, .colour = colour};
  for (const CurvePoint& point : delays.curve) {
    series.points.push_back(
        {nines_of(point.fraction), point.us,
         format("{:.5g} % within {}", 100 * point.fraction, format_micros(point.us))});
  }
  return series;
}

Plot distribution_of(const LiveResult& result) {
  Plot plot{.title = "Distribution of the delay",
            .remark =
                "Which share of the deliveries took at most how long, from when the COMMIT"
                " was due. The right end is the tail."};
  for (std::size_t i = 0; i < result.classes.size(); ++i) {
    const StandbyClass& of = result.classes[i];
    plot.series.push_back(curve_of(of.name + " standbys", colour_of(i), of.arrival));
  }
  plot.series.push_back(curve_of("COMMIT answered", kCommitColour, result.commit));
  plot.series.back().is_minor = true;
  double last = 0.9;
  for (const Series& series : plot.series) {
    if (!series.points.empty()) last = std::max(last, 1 - std::pow(10, -series.points.back().x));
  }
  plot.x = percentile_axis("share of deliveries", last);
  plot.y = delay_axis(plot.series);
  return plot;
}

Plot over_time_of(const LiveResult& result) {
  Plot plot{.title = "Delay over time",
            .remark = format("p50, p99 and the worst of the commits that were due in each {:g} s.",
                             result.setup.window_seconds),
            .x = time_axis(result)};
  for (std::size_t i = 0; i < result.classes.size(); ++i) {
    const StandbyClass& of = result.classes[i];
    const std::string prefix = result.classes.size() > 1 ? of.name + " " : "";
    Series p50{.name = prefix + "p50", .colour = colour_of(2 * i)};
    Series p99{.name = prefix + "p99", .colour = colour_of(2 * i + 1)};
    Series worst{.name = prefix + "max", .colour = kCommitColour + i * kColours, .is_minor = true};
    for (const Window& window : of.arrival.windows) {
      const double at = std::max(window.at, 0.0);
      const auto note = [&](const char* name, double us) {
        return format("{} of what was due at {:g} s: {}", name, at, format_micros(us));
      };
      p50.points.push_back({at, window.p50_us, note("p50", window.p50_us)});
      p99.points.push_back({at, window.p99_us, note("p99", window.p99_us)});
      worst.points.push_back({at, window.max_us, note("max", window.max_us)});
    }
    for (Series* series : {&worst, &p99, &p50}) plot.series.push_back(std::move(*series));
  }
  plot.y = delay_axis(plot.series);
  return plot;
}

// Standbys by their p99, so that stragglers stand at the right. Many share a point.
Plot by_standby_of(const LiveResult& result) {
  std::vector<const StandbyDelays*> sorted;
  for (const StandbyDelays& standby : result.standbys) {
    if (standby.count != 0) sorted.push_back(&standby);
  }
  std::sort(sorted.begin(), sorted.end(),
            [](const auto* a, const auto* b) { return a->p99_us < b->p99_us; });
  Plot plot{.title = "By standby",
            .remark =
                "A standby's p50, p99 and longest delay, from the one served best to the worst."
                " Of very many, some are shown, and always the worst."};
  Series p50{.name = "p50", .colour = 0, .shape = Series::Shape::kDots};
  Series p99{.name = "p99", .colour = 1, .shape = Series::Shape::kDots};
  Series worst{.name = "max", .colour = kCommitColour, .shape = Series::Shape::kDots};
  const std::size_t step = std::max<std::size_t>(1, sorted.size() / kStandbyPoints);
  for (std::size_t i = (sorted.size() + step - 1) % step; i < sorted.size(); i += step) {
    const StandbyDelays& standby = *sorted[i];
    const auto rank = static_cast<double>(i + 1);
    const std::string name =
        format("standby {}, {}", standby.index, result.classes[standby.class_index].name);
    const auto note = [&](const char* what, double us) {
      return format("{}: {} {}", name, what, format_micros(us));
    };
    p50.points.push_back({rank, standby.p50_us, note("p50", standby.p50_us)});
    p99.points.push_back({rank, standby.p99_us, note("p99", standby.p99_us)});
    worst.points.push_back({rank, standby.max_us, note("max", standby.max_us)});
  }
  for (Series* series : {&worst, &p99, &p50}) plot.series.push_back(std::move(*series));
  plot.x = linear_axis("standbys, by their p99", static_cast<double>(sorted.size()), count_text);
  std::erase_if(plot.x.ticks, [](const Tick& tick) { return tick.at != std::floor(tick.at); });
  plot.y = delay_axis(plot.series);
  return plot;
}

Plot throughput_of(const LiveResult& result) {
  Plot plot{.title = "Throughput",
            .remark =
                "Commits that were answered and deliveries that arrived, per second."
                " Deliveries are shown by commit: they are divided by the standbys.",
            .x = time_axis(result)};
  Series commits{.name = "commits", .colour = 0, .shape = Series::Shape::kSteps};
  Series deliveries{.name = "deliveries / standbys", .colour = 2, .shape = Series::Shape::kLine};
  const double standbys = static_cast<double>(std::max<std::size_t>(result.setup.standbys, 1));
  for (const Throughput& point : result.throughput) {
    const double at = std::max(point.at, 0.0);
    commits.points.push_back(
        {at, point.commits, format("{:.0f} commits/s at {:g} s", point.commits, at)});
    deliveries.points.push_back(
        {at, point.deliveries / standbys, format("{:.0f} deliveries/s", point.deliveries)});
  }
  Series asked{.name = "asked for", .colour = kCommitColour, .is_minor = true};
  if (!commits.points.empty()) {
    // The last step is as long as the others.
    commits.points.push_back({plot.x.high, commits.points.back().y, ""});
    asked.points = {{0, result.setup.rate, ""}, {plot.x.high, result.setup.rate, ""}};
  }
  for (Series* series : {&asked, &deliveries, &commits}) plot.series.push_back(std::move(*series));
  plot.y = linear_axis("per second", kHeadroom * range_of(plot.series).second, count_text);
  return plot;
}

Plot lag_of(const LiveResult& result) {
  Plot plot{.title = "Lag of the fleet",
            .remark =
                "WAL of the last commit that a standby did not have yet, once a second: of"
                " the one furthest behind, and of the median one.",
            .x = time_axis(result)};
  Series median{.name = "median", .colour = 0};
  Series furthest{.name = "furthest behind", .colour = 3};
  for (const Lag& lag : result.lag) {
    median.points.push_back(
        {lag.at, lag.median_bytes,
         format("median {} at {:.0f} s", format_bytes(lag.median_bytes), lag.at)});
    furthest.points.push_back({lag.at, lag.max_bytes,
                               format("{} at {:.0f} s, {} stragglers", format_bytes(lag.max_bytes),
                                      lag.at, lag.stragglers)});
  }
  for (Series* series : {&furthest, &median}) plot.series.push_back(std::move(*series));
  plot.y = bytes_axis("behind", range_of(plot.series).second);
  return plot;
}

// p50 to p99.9 of each real standby and stage.
Plot stages_of(const LiveResult& result) {
  Plot plot{.title = "Real standbys",
            .remark = format("From when a COMMIT was due until pg_stat_replication showed it, to"
                             " within {}: p50 to p99.9 by stage, as far as there are commits to"
                             " tell.",
                             format_micros(result.real->resolution_us))};
  std::size_t colour = 0;
  for (const RealStandby& standby : result.real->standbys) {
    for (const RealStandby::Stage& stage : standby.stages) {
      Series series{.name = standby.name + " " + stage.name, .colour = colour_of(colour++)};
      const Percentiles& all = stage.from_due;
      if (all.count == 0) continue;
      for (const auto& [fraction, us] :
           {std::pair{0.5, all.p50_us}, std::pair{0.9, all.p90_us}, std::pair{0.99, all.p99_us},
            std::pair{0.999, all.p999_us}}) {
        if (!us.has_value()) continue;
        series.points.push_back(
            {nines_of(fraction), *us,
             format("{}: {:g} % within {}", series.name, 100 * fraction, format_micros(*us))});
      }
      plot.series.push_back(std::move(series));
    }
  }
  plot.x = percentile_axis("share of commits", 0.999);
  plot.y = delay_axis(plot.series);
  return plot;
}

}  // namespace

std::vector<Plot> plots_of(const LiveResult& result) {
  std::vector<Plot> plots{distribution_of(result), over_time_of(result), by_standby_of(result),
                          throughput_of(result), lag_of(result)};
  if (result.real.has_value()) plots.push_back(stages_of(result));
  std::erase_if(plots, [](const Plot& plot) {
    return std::all_of(plot.series.begin(), plot.series.end(),
                       [](const Series& series) { return series.points.size() < 2; });
  });
  return plots;
}

}  // namespace bench::results

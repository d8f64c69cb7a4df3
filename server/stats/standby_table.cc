#include "server/stats/standby_table.h"

#include <algorithm>
#include <array>
#include <utility>

#include "runtime/format.h"
#include "server/wal/standby_positions.h"

namespace server::stats {

namespace {

constexpr std::string_view kHeading =
    "standby              state      sent         acknowledged lag bytes      lag time rate";

}  // namespace

std::string human_bytes(double bytes) {
  constexpr std::array<std::string_view, 5> kUnits{"B", "kB", "MB", "GB", "TB"};
  std::size_t unit = 0;
  while (bytes >= 1000 && unit + 1 < kUnits.size()) {
    bytes /= 1024;
    ++unit;
  }
  const int decimals = unit == 0 || bytes >= 100 ? 0 : 1;
  return runtime::format("{:.{}f} {}", bytes, decimals, kUnits[unit]);
}

std::string human_duration(runtime::Duration duration) {
  const double milliseconds = std::chrono::duration<double, std::milli>(duration).count();
  if (milliseconds >= 10'000) return runtime::format("{:.1f} s", milliseconds / 1000);
  return runtime::format("{:.{}f} ms", milliseconds, milliseconds >= 10 ? 0 : 1);
}

std::string StandbyTable::render(std::vector<SessionStatus> rows, wal::Lsn end,
                                 runtime::Instant now) {
  std::sort(rows.begin(), rows.end(), [](const SessionStatus& a, const SessionStatus& b) {
    return a.process_id < b.process_id;  // in the order in which they came
  });
  const double seconds = std::chrono::duration<double>(now - last_time_).count();
  const bool first = std::exchange(last_time_, now) == runtime::Instant{};
  std::map<std::uint32_t, std::uint64_t> bytes;
  std::vector<std::string> lines;
  double total_rate = 0;
  for (const SessionStatus& row : rows) {
    bytes[row.process_id] = row.bytes_sent;
    const auto last = last_bytes_.find(row.process_id);
    const std::uint64_t before = last == last_bytes_.end() ? 0 : last->second;
    const double rate =
        first || seconds <= 0 ? 0 : static_cast<double>(row.bytes_sent - before) / seconds;
    total_rate += rate;
    if (lines.size() < options_.rows_max) lines.push_back(line(row, rate));
  }
  last_bytes_ = std::move(bytes);
  if (rows.size() > options_.rows_max) {
    lines.push_back(runtime::format("... and {} more", rows.size() - options_.rows_max));
  }
  lines.push_back(runtime::format("{} standbys, end of WAL {}, {}/s in all", rows.size(), end,
                                  human_bytes(total_rate)));

  std::string text;
  // The new table is drawn over the last one.
  if (options_.terminal && lines_drawn_ > 0) text = runtime::format("\x1b[{}A", lines_drawn_);
  const std::string_view line_end = options_.terminal ? "\x1b[K\n" : "\n";
  text += kHeading;
  text += line_end;
  for (const std::string& row : lines) {
    text += row;
    text += line_end;
  }
  if (options_.terminal) text += "\x1b[J";
  lines_drawn_ = lines.size() + 1;
  return text;
}

std::string StandbyTable::line(const SessionStatus& row, double bytes_per_second) const {
  const std::string name = row.application_name.empty() ? row.client : row.application_name;
  const wal::StandbyPositions positions{.write = row.write, .flush = row.flush, .apply = row.apply};
  return runtime::format("{:<20.20} {:<10} {:<12} {:<12} {:<14} {:<8} {}/s", name, row.state,
                         wal::to_string(row.sent), wal::to_string(positions.acknowledged()),
                         human_bytes(static_cast<double>(row.lag_bytes)), human_duration(row.lag),
                         human_bytes(bytes_per_second));
}

}  // namespace server::stats

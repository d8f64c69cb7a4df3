#include "server/client/top_model.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "runtime/format.h"

namespace server::client {

using runtime::format;

namespace {

constexpr std::array<std::pair<std::string_view, Order>, 5> kOrders{{{"lag", Order::kLag},
                                                                     {"name", Order::kName},
                                                                     {"rate", Order::kRate},
                                                                     {"state", Order::kState},
                                                                     {"pid", Order::kPid}}};

std::uint64_t number_of(std::string_view text, int base = 10) {
  std::uint64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number, base);
  return number;
}

// "16/B374D848"; 0 of anything else.
std::uint64_t lsn_of(std::string_view text) {
  const auto slash = text.find('/');
  if (slash == std::string_view::npos) return 0;
  return number_of(text.substr(0, slash), 16) << 32 | number_of(text.substr(slash + 1), 16);
}

// As pg_size_pretty has sizes, but for a digit behind the point where it tells something.
std::string size_text(double bytes) {
  constexpr std::array<std::string_view, 5> kUnits{"B", "kB", "MB", "GB", "TB"};
  std::size_t unit = 0;
  for (; bytes >= 1024 && unit + 1 < kUnits.size(); ++unit) bytes /= 1024;
  return unit == 0 || bytes >= 100 ? format("{:.0f} {}", bytes, kUnits[unit])
                                   : format("{:.1f} {}", bytes, kUnits[unit]);
}

// An interval without the hours that it has not: "00:00:01.5" is "1.5s".
std::string lag_text(std::string_view interval) {
  if (!interval.starts_with("00:00:")) return std::string(interval);
  std::string_view seconds = interval.substr(6);
  if (seconds.starts_with('0') && seconds.size() > 1) seconds.remove_prefix(1);
  return std::string(seconds.substr(0, seconds.find('.') + 5)) + "s";
}

// Characters of UTF-8 are cut between, not within.
std::string cut(std::string text, std::size_t width) {
  if (width == 0) return text;
  std::size_t cells = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0xC0) == 0x80) continue;
    if (cells++ == width) {
      text.resize(i);
      break;
    }
  }
  return text;
}

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

}  // namespace

std::optional<Order> find_order(std::string_view name) {
  const auto at = std::ranges::find(kOrders, name, &decltype(kOrders)::value_type::first);
  return at == kOrders.end() ? std::nullopt : std::optional(at->second);
}

std::string top_orders() {
  std::string names;
  for (const auto& [name, order] : kOrders) {
    if (!names.empty()) names += ", ";
    names += name;
  }
  return names;
}

void TopModel::set_order(Order order) {
  if (std::exchange(order_, order) == order) reverse();
}

void TopModel::take(Answers answers, runtime::Instant now) {
  const double seconds =
      taken_ == runtime::Instant{} ? 0 : std::chrono::duration<double>(now - taken_).count();
  taken_ = now;
  failure_.clear();
  answers_ = std::move(answers);
  const std::uint64_t end_before = std::exchange(
      end_, answers_.server.rows.empty()
                ? 0
                : lsn_of(answers_.server.value(answers_.server.rows.front(), "end_lsn")));
  const bool has_rate = seconds > 0 && end_before != 0 && end_ >= end_before;
  end_rate_ = has_rate ? static_cast<double>(end_ - end_before) / seconds : 0;
  standbys_.clear();
  for (const Table::Row& row : answers_.standbys.rows) {
    standbys_.push_back(standby_of(answers_.standbys, row, seconds));
  }
  sent_before_.clear();
  for (const Standby& standby : standbys_) sent_before_[standby.pid] = standby.sent;
}

TopModel::Standby TopModel::standby_of(const Table& table, const Table::Row& row,
                                       double seconds) const {
  const auto value = [&](std::string_view name) { return table.value(row, name); };
  Standby standby{.pid = static_cast<std::int64_t>(number_of(value("pid"))),
                  .name = printable(value("application_name")),
                  .client = std::string(value("client_addr")),
                  .state = std::string(value("state")),
                  .sync = std::string(value("sync_state")),
                  .sent = lsn_of(value("sent_lsn")),
                  .write_lag = lag_text(value("write_lag")),
                  .flush_lag = lag_text(value("flush_lag")),
                  .replay_lag = lag_text(value("replay_lag"))};
  if (standby.client.empty()) standby.client = "[local]";
  const std::uint64_t confirmed = std::max(lsn_of(value("flush_lsn")), lsn_of(value("write_lsn")));
  const std::uint64_t has = confirmed != 0 ? confirmed : standby.sent;
  standby.lag_bytes = end_ > has ? end_ - has : 0;
  const auto before = sent_before_.find(standby.pid);
  if (seconds > 0 && before != sent_before_.end() && standby.sent >= before->second) {
    standby.rate = static_cast<double>(standby.sent - before->second) / seconds;
  }
  return standby;
}

// What is worst or most comes first; names in their own order.
std::vector<const TopModel::Standby*> TopModel::shown() const {
  std::vector<const Standby*> all;
  for (const Standby& standby : standbys_) {
    if (contains(standby.name, filter_) || contains(standby.client, filter_)) {
      all.push_back(&standby);
    }
  }
  std::ranges::stable_sort(all, [this](const Standby* a, const Standby* b) {
    if (reversed_) std::swap(a, b);
    switch (order_) {
      case Order::kLag:
        return a->lag_bytes > b->lag_bytes;
      case Order::kRate:
        return a->rate > b->rate;
      case Order::kName:
        return a->name < b->name;
      case Order::kState:
        return a->state < b->state;
      case Order::kPid:
        return a->pid < b->pid;
    }
    return false;
  });
  return all;
}

void TopModel::add_header(std::vector<std::string>& lines) const {
  const auto first = [](const Table& table, std::string_view name) {
    return table.rows.empty() ? std::string() : printable(table.value(table.rows.front(), name));
  };
  lines.push_back(first(answers_.server, "version"));
  lines.push_back(format("WAL end {} at {}/s, upstream {}", first(answers_.server, "end_lsn"),
                         size_text(end_rate_), first(answers_.upstream, "state")));
  std::map<std::string, int> states;
  for (const Standby& standby : standbys_) ++states[standby.state];
  std::string counts = format("{} standbys", standbys_.size());
  for (const auto& [state, count] : states) counts += format(", {} {}", count, state);
  lines.push_back(counts);
  if (!failure_.empty()) lines.push_back("no answer: " + printable(failure_));
}

// A line for each stage, of all columns that the server has for it.
void TopModel::add_latency(std::vector<std::string>& lines) const {
  if (answers_.latency.rows.empty()) return;
  lines.emplace_back();
  const std::string table = print_table(answers_.latency);
  for (std::size_t at = 0; at < table.size();) {
    const std::size_t end = table.find('\n', at);
    lines.push_back(table.substr(at, end - at));
    at = end + 1;
  }
}

std::vector<std::string> TopModel::lines(std::size_t width, std::size_t height) const {
  std::vector<std::string> lines;
  add_header(lines);
  std::vector<std::string> below;
  add_latency(below);
  constexpr std::size_t kShareOfScreen = 3;  // standbys have the rest of a small one
  if (height != 0 && below.size() > height / kShareOfScreen) below.clear();
  lines.emplace_back();
  lines.push_back(format("{:>10} {:<24} {:<18} {:<10} {:>10} {:>12} {:>10} {:>10} {:>10} {}", "PID",
                         "NAME", "CLIENT", "STATE", "LAG", "RATE", "WRITE", "FLUSH", "REPLAY",
                         "SYNC"));
  const auto all = shown();
  const std::size_t used = lines.size() + below.size();
  const std::size_t room = height == 0 ? all.size() : height > used ? height - used : 0;
  for (std::size_t i = 0; i < std::min(room, all.size()); ++i) {
    const Standby& s = *all[i];
    lines.push_back(format("{:>10} {:<24} {:<18} {:<10} {:>10} {:>10}/s {:>10} {:>10} {:>10} {}",
                           s.pid, cut(s.name, 24), cut(s.client, 18), s.state,
                           size_text(static_cast<double>(s.lag_bytes)), size_text(s.rate),
                           s.write_lag, s.flush_lag, s.replay_lag, s.sync));
  }
  lines.insert(lines.end(), below.begin(), below.end());
  if (height != 0 && lines.size() > height) lines.resize(height);
  for (std::string& line : lines) line = cut(std::move(line), width);
  return lines;
}

}  // namespace server::client

#include "bench/live/stage_watch.h"

#include <algorithm>
#include <charconv>
#include <ctime>
#include <string_view>
#include <utility>

#include "bench/results/percentiles.h"
#include "runtime/check.h"
#include "runtime/format.h"
#include "runtime/log.h"

namespace bench::live {

using runtime::format;
using server::wal::Lsn;

namespace {

constexpr std::array<const char*, 3> kStages{"written", "flushed", "applied"};
constexpr std::array<const char*, 3> kColumns{"write", "flush", "replay"};

WallNanos wall_now() {
  timespec time{};
  CHECK(::clock_gettime(CLOCK_REALTIME, &time) == 0);
  return time.tv_sec * kNanosPerSecond + time.tv_nsec;
}

std::string literal(std::string_view text) {
  std::string quoted = "'";
  for (const char c : text) {
    if (c == '\'') quoted += '\'';
    quoted += c;
  }
  return quoted + "'";
}

std::string query_for(const std::string& fleet_name) {
  std::string text = "SELECT application_name || ' ' || pid";
  for (const char* column : kColumns) {
    text += format(
        ", {0}_lsn, (extract(epoch FROM {0}_lag) * 1000000)::bigint,"
        " greatest(pg_current_wal_flush_lsn() - {0}_lsn, 0)::bigint",
        column);
  }
  // Counted before LIMIT cuts them off.
  return text + format(
                    ", count(*) OVER () FROM pg_stat_replication WHERE NOT "
                    "starts_with(application_name, {})"
                    " ORDER BY backend_start, pid LIMIT {}",
                    literal(fleet_name + "_"), StageWatch::kStandbysMax);
}

std::optional<std::uint64_t> number_of(const std::optional<std::string>& text) {
  std::uint64_t number = 0;
  if (!text.has_value()) return std::nullopt;
  const auto [end, wrong] = std::from_chars(text->data(), text->data() + text->size(), number);
  return wrong == std::errc{} ? std::optional(number) : std::nullopt;
}

}  // namespace

StageWatch::StageWatch(Options options, const CommitLog& log)
    : options_(std::move(options)), log_(log) {}

runtime::Result<std::size_t> StageWatch::connect() {
  session_ = TRY(SqlSession::connect(options_.conninfo, "walbench watch"));
  return TRY(look()).shown.size();
}

void StageWatch::run() {
  while (!stopped_.load()) {
    const auto looks = look();
    if (!looks) {
      runtime::log::error("pg_stat_replication: {}", looks.error().what);
      break;
    }
    take(looks->shown, wall_now(), looks->more);
    doorbell_.wait(-1, 0, options_.interval);
  }
  session_.reset();
}

void StageWatch::stop() {
  stopped_.store(true);
  doorbell_.ring();
}

runtime::Result<StageWatch::Looks> StageWatch::look() {
  Looks looks;
  const auto rows = TRY(session_->run(query_for(options_.fleet_name)));
  for (const SqlSession::Row& row : rows) {
    Look& seen = looks.shown.emplace_back(Look{.name = row[0].value_or(""), .stages = {}});
    for (std::size_t i = 0; i < seen.stages.size(); ++i) {
      const auto* column = &row[1 + 3 * i];
      if (column[0].has_value()) seen.stages[i].position = server::wal::parse_lsn(*column[0]);
      seen.stages[i].lag_us = number_of(column[1]);
      seen.stages[i].lag_bytes = number_of(column[2]).value_or(0);
    }
  }
  if (!rows.empty())
    looks.more = number_of(rows.front().back()).value_or(rows.size()) - rows.size();
  return looks;
}

void StageWatch::take(const std::vector<Look>& looks, WallNanos now, std::uint64_t more) {
  if (last_look_ != 0) gaps_us_.add(walbench::micros_between(last_look_, now));
  last_look_ = now;
  log_.copy_from(commits_.size(), commits_);
  for (const Look& seen : looks) {
    if (!standbys_.contains(seen.name)) {
      if (standbys_.size() == kStandbysMax) {
        ++more;
        continue;
      }
      // One that comes later has no part in what was committed before.
      for (Stage& stage : standbys_[seen.name]) stage.next = commits_.size();
    }
    Standby& standby = standbys_[seen.name];
    for (std::size_t i = 0; i < standby.size(); ++i) take(standby[i], seen.stages[i], now);
  }
  unwatched_ = std::max(unwatched_, more);
}

void StageWatch::take(Stage& stage, const Look::Stage& seen, WallNanos now) const {
  if (!seen.position.has_value()) return;
  stage.lag_bytes_max = std::max(stage.lag_bytes_max, seen.lag_bytes);
  const bool moved = std::exchange(stage.position, *seen.position) != *seen.position;
  if (moved && seen.lag_us.has_value()) stage.from_local_flush_us.add(*seen.lag_us);
  for (; stage.next < commits_.size() && commits_[stage.next].stamped < stage.position;
       ++stage.next) {
    stage.from_due_us.add(walbench::micros_between(commits_[stage.next].due, now));
  }
}

results::RealStandbys StageWatch::result() const {
  results::RealStandbys real{.resolution_us = static_cast<double>(gaps_us_.percentile(0.5)),
                             .looks = gaps_us_.count(),
                             .unwatched = unwatched_,
                             .standbys = {}};
  for (const auto& [name, standby] : standbys_) {
    results::RealStandby& one = real.standbys.emplace_back();
    one.name = name;
    for (std::size_t i = 0; i < standby.size(); ++i) {
      one.stages.push_back(
          {.name = kStages[i],
           .from_due = results::percentiles_of(standby[i].from_due_us),
           .from_local_flush = results::percentiles_of(standby[i].from_local_flush_us),
           .lag_bytes_max = static_cast<double>(standby[i].lag_bytes_max)});
    }
  }
  return real;
}

}  // namespace bench::live

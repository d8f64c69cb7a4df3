#include "bench/walbench/intake.h"

#include <algorithm>

#include "bench/walbench/failures.h"
#include "runtime/check.h"
#include "runtime/format.h"

namespace bench::walbench {

using server::wire::to_pg_timestamp;

Intake::Intake(std::size_t standby, const Berth& berth)
    : standby_(standby),
      berth_(berth),
      group_(berth.port.plan.group_of(standby)),
      tally_(berth.tallies[berth.port.plan.group_index(standby)]),
      verifies_(berth.options().verifies(group_)) {
  if (!berth.options().stamps.empty()) finder_.emplace(berth.options().stamps);
}

void Intake::begin(const StreamPlan& plan) {
  plan_ = plan;
  next_ = received_ = plan.start;
  left_ = 0;
  found_.clear();
}

runtime::Result<void> Intake::on_header(const WalHeader& header, WallNanos at) {
  if (header.start != next_) {
    return runtime::Error{
        .kind = &kGap,
        .what = "gap",
        .detail = runtime::format("WAL of {} came, {} was expected", header.start, next_)};
  }
  header_ = header;
  left_ = header.bytes;
  if (left_ > 0) return {};
  on_message_end();
  return record(at);
}

runtime::Result<void> Intake::on_wal(std::span<const std::byte> wal, WallNanos at) {
  if (verifies_) TRY(berth_.verifier->compare(plan_, next_, wal));
  if (has_stamps()) find_stamps(wal, at);
  on_dropped(wal.size());
  return left_ == 0 ? record(at) : runtime::Result<void>();
}

// The message that has just ended.
runtime::Result<void> Intake::record(WallNanos at) {
  if (!records()) return {};
  return berth_.recorder->add(header_.bytes, at);
}

void Intake::on_dropped(std::uint64_t bytes) {
  CHECK(bytes <= left_);
  next_ += bytes;
  left_ -= bytes;
  tally_.bytes += bytes;
  berth_.progress.bytes.add(bytes);
  if (left_ == 0) on_message_end();
}

void Intake::find_stamps(std::span<const std::byte> wal, WallNanos at) {
  berth_.stamps.clear();
  finder_->find(next_, plan_.segment_size, wal, berth_.stamps);
  for (const WallNanos due : berth_.stamps) found_.push_back({due, at});
}

void Intake::count_stamps() {
  for (const auto& [due, at] : found_) {
    ++stamps_;
    tally_.stamp_us.add(micros_between(due, at));
    berth_.progress.of(group_).stamps.add(1);
    if (berth_.arrivals != nullptr) {
      berth_.arrivals->add(berth_.port.plan.group_index(standby_),
                           standby_ / berth_.options().threads, due, at);
    }
  }
  found_.clear();
}

void Intake::on_message_end() {
  received_ = next_;
  if (!found_.empty()) count_stamps();
  tally_.message_bytes.add(header_.bytes);
  const auto delay = to_pg_timestamp(berth_.loop.wall_now()) - header_.send_time;
  tally_.delay_us.add(static_cast<std::uint64_t>(std::max<std::int64_t>(delay, 0)));
}

}  // namespace bench::walbench

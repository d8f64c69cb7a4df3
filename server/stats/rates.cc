#include "server/stats/rates.h"

#include <utility>

namespace server::stats {

namespace {

double per_second(std::uint64_t bytes, runtime::Duration took) {
  return static_cast<double>(bytes) / std::chrono::duration<double>(took).count();
}

}  // namespace

// A process id may be another session's by now, which has sent less.
void Rates::rate(std::vector<SessionStatus>& sessions, runtime::Instant now) {
  std::map<std::uint32_t, Sample> samples;
  for (SessionStatus& session : sessions) {
    const auto found = sessions_.find(session.process_id);
    Sample sample{.bytes = session.bytes_sent, .at = now};
    if (found != sessions_.end() && found->second.bytes <= session.bytes_sent) {
      const Sample& last = found->second;
      const bool is_due = now - last.at >= kSampleInterval;
      if (is_due) sample.rate = per_second(session.bytes_sent - last.bytes, now - last.at);
      if (!is_due) sample = last;
    }
    session.bytes_per_second = sample.rate;
    samples.emplace(session.process_id, sample);
  }
  sessions_ = std::move(samples);
}

void Rates::note_end(wal::Lsn end, runtime::Instant now) {
  if (!end.valid()) return;
  if (!ends_.empty() && end < ends_.back().end) ends_.clear();
  if (!ends_.empty() && now - ends_.back().at < kSampleInterval) return;
  ends_.push_back({end, now});
  while (ends_.size() > 2 && now - ends_[1].at >= kWindow) ends_.pop_front();
}

std::optional<double> Rates::wal_rate() const {
  if (ends_.size() < 2) return std::nullopt;
  return per_second(ends_.back().end - ends_.front().end, ends_.back().at - ends_.front().at);
}

}  // namespace server::stats

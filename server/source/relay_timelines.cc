// The timelines of a relay: which are known, and how the next is followed. The rest is in relay.cc.
#include "server/source/relay.h"

#include <utility>

#include "runtime/format.h"
#include "runtime/log.h"

namespace server::source {

using runtime::format;
using runtime::Result;
using wal::history_of;
using wal::Lsn;
using wal::TimelineHistory;
using wal::TimelineId;

// Standbys ask for the file of every timeline that was ever reported to them (walreceiver.c,
// WalRcvFetchTimeLineHistoryFiles). One that is not in the newest one's history may be missing.
Result<wal::HistoryFiles> RelaySource::fetch_history_files(TimelineId known, TimelineId newest) {
  wal::HistoryFiles fetched;
  for (auto timeline = wal::value(known) + 1; timeline <= wal::value(newest); ++timeline) {
    const TimelineId id{timeline};
    auto text = receiver_.upstream().history_file(id);
    if (!text && text.error().kind == &kUpstreamRefused && id != newest) continue;
    if (!text) return text.error();
    fetched.emplace(id, std::move(*text));
  }
  return fetched;
}

// The files that the spool has of these timelines may be of other promotions, which came to
// nothing.
Result<void> RelaySource::keep_history_files(const wal::HistoryFiles& fetched,
                                             wal::HistoryFiles& files) {
  for (const auto& [timeline, text] : fetched) {
    TRY(writer_->add_history_file(timeline, text));
    files.insert_or_assign(timeline, text);
  }
  return {};
}

// Before anything is kept, what is told must continue what we have.
Result<void> RelaySource::learn_timelines(TimelineId newest) {
  const wal::Timelines& known = *tail_->timelines();
  if (newest == known.history.tip()) return check_tip(known.history);
  const wal::HistoryFiles fetched = TRY(fetch_history_files(known.history.tip(), newest));
  const TimelineHistory theirs = TRY(history_of(newest, fetched));
  TRY(check_fork(known.history, writer_->proven(), theirs));
  auto files = known.files;
  TRY(keep_history_files(fetched, files));
  if (files == known.files) return {};
  tail_->adopt({known.history, std::move(files)});
  tail_->publish(writer_->proven(), writer_->proven(), 0, clock_.now());
  return {};
}

// The primary's timeline of our number may be another one: its history tells, if it has one.
Result<void> RelaySource::check_tip(const TimelineHistory& ours) {
  if (ours.tip() == kFirstTimeline) return {};
  const auto text = receiver_.upstream().history_file(ours.tip());
  if (!text && text.error().kind == &kUpstreamRefused) return {};
  if (!text) return text.error();
  const TimelineHistory theirs = TRY(TimelineHistory::parse(ours.tip(), *text));
  return check_fork(ours, writer_->proven(), theirs);
}

// All that the primary has of a timeline is here, and it ends where ours does.
Result<void> RelaySource::on_timeline_ended(const NextTimeline& next) {
  const TimelineHistory& ours = tail_->timelines()->history;
  const TimelineId parent = ours.tip();
  TRY(rewind());
  TRY(learn_timelines(next.timeline));
  auto files = tail_->timelines()->files;
  TimelineHistory history = TRY(history_of(next.timeline, files));
  TRY(check_fork(ours, writer_->proven(), history));
  if (history.switch_point(parent) != writer_->proven()) {
    return runtime::Error{.kind = &kDiverged,
                          .what = format("timeline {} ended at {}, but its WAL ends at {}",
                                         wal::value(parent), next.begin, writer_->proven())};
  }
  TRY(flush_but(0));
  runtime::log::log("timeline {} follows timeline {}, which ends at {}", wal::value(next.timeline),
                    wal::value(parent), writer_->proven());
  TRY(writer_->prepare_timeline(parent, next.timeline));
  const Lsn fork = writer_->proven();
  tail_->adopt({std::move(history), std::move(files)});
  auto followed = writer_->follow_timeline();
  tail_->publish(fork, fork, 0, clock_.now());
  return followed;
}

}  // namespace server::source

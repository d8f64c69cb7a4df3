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
Result<void> RelaySource::fetch_history_files(TimelineId known, TimelineId newest,
                                              std::map<TimelineId, std::string>& files) {
  for (auto timeline = wal::value(known) + 1; timeline <= wal::value(newest); ++timeline) {
    const TimelineId id{timeline};
    if (files.contains(id)) continue;
    auto text = receiver_.upstream().history_file(id);
    if (!text && text.error().kind == &kUpstreamRefused && id != newest) continue;
    if (!text) return text.error();
    TRY(writer_->add_history_file(id, *text));
    files.emplace(id, std::move(*text));
  }
  return {};
}

// The primary's timeline of our number may be another one: its history tells, if it has one.
Result<void> RelaySource::learn_timelines(TimelineId newest) {
  const wal::Timelines& known = *tail_->timelines();
  const TimelineId tip = known.history.tip();
  if (newest == kFirstTimeline) return {};
  auto files = known.files;
  TRY(fetch_history_files(tip, newest, files));
  if (newest == tip) {
    const auto theirs = receiver_.upstream().history_file(newest);
    if (theirs) files.insert_or_assign(newest, *theirs);
    if (!theirs && theirs.error().kind != &kUpstreamRefused) return theirs.error();
  }
  const TimelineHistory history = TRY(history_of(newest, files));
  TRY(check_fork(known.history, writer_->proven(), history));
  if (files.size() == known.files.size()) return {};
  tail_->adopt({known.history, std::move(files)});
  tail_->publish(writer_->proven(), writer_->proven(), 0, clock_.now());
  return {};
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

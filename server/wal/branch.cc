#include "server/wal/branch.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "runtime/check.h"
#include "runtime/format.h"
#include "server/wal/names.h"

namespace server::wal {

namespace {

using runtime::format;

constexpr TimelineId kFirstTimeline{1};  // it has no history file

// A history file may have been written by hand. Records end where others may begin.
bool is_possible_fork(Lsn fork) { return fork.valid() && fork == fork.aligned(); }

// Why a timeline that has WAL up to a segment is not followed; none if it is.
std::optional<std::string> refusal(const std::optional<TimelineHistory>& history,
                                   TimelineId timeline, SegmentNo newest,
                                   const TimelineHistory& from, SegmentSize size) {
  const std::string file = history_name(timeline);
  const auto refused = [&](const std::string& why) {
    return format("{}: its WAL is not served (see recovery_target_timeline)", why);
  };
  if (!history.has_value()) {
    return refused(
        format("timeline {} has no known parents, since there is no whole history file "
               "\"{}\"",
               value(timeline), file));
  }
  if (!continues(*history, from)) {
    return refused(format("timeline {} is not a child of timeline {} by its history file \"{}\"",
                          value(timeline), value(from.tip()), file));
  }
  const Lsn fork = earliest_fork(*history, from.tip());
  if (is_possible_fork(fork) && size.segment_of(history->begin(timeline)) <= newest) {
    return std::nullopt;
  }
  return refused(
      format("timeline {} cannot have forked from timeline {} at {}, as its history file "
             "\"{}\" says",
             value(timeline), value(from.tip()), fork, file));
}

// The lowest timeline that the tip of `from` may go on with.
std::optional<TimelineHistory> find_child(const TimelineHistory& from, const TimelineEnds& ends,
                                          const HistoryFiles& files, SegmentSize size) {
  for (auto it = ends.upper_bound(from.tip()); it != ends.end(); ++it) {
    auto history = find_history(it->first, files);
    if (!refusal(history, it->first, it->second, from, size)) return history;
  }
  return std::nullopt;
}

// The history file of a child comes before its WAL, and with it the parent's WAL behind the fork
// has become void.
void end_at_forks(const TimelineEnds& ends, const HistoryFiles& files, Branch& branch) {
  const TimelineId tip = branch.history.tip();
  for (auto it = files.upper_bound(tip); it != files.end(); ++it) {
    if (ends.contains(it->first)) continue;
    const auto history = find_history(it->first, files);
    if (!history.has_value() || !continues(*history, branch.history)) continue;
    const Lsn fork = earliest_fork(*history, tip);
    if (!is_possible_fork(fork) || fork >= branch.end_max) continue;
    branch.end_max = fork;
    branch.forked = it->first;
  }
}

}  // namespace

std::optional<TimelineTarget> parse_timeline_target(std::string_view text) {
  if (text == "latest") return TimelineTarget{.kind = TimelineTarget::Kind::kLatest};
  if (text == "current") return TimelineTarget{.kind = TimelineTarget::Kind::kCurrent};
  std::uint32_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc{} || rest != end || number == 0) return std::nullopt;
  return TimelineTarget{.kind = TimelineTarget::Kind::kNumber, .number = TimelineId{number}};
}

std::string show_timeline_target(const TimelineTarget& target) {
  switch (target.kind) {
    case TimelineTarget::Kind::kLatest:
      return "latest";
    case TimelineTarget::Kind::kCurrent:
      return "current";
    case TimelineTarget::Kind::kNumber:
      return format("{}", value(target.number));
  }
  UNREACHABLE();
}

Lsn earliest_fork(const TimelineHistory& history, TimelineId known) {
  Lsn earliest = Lsn::max();
  for (TimelineId at = known; at != history.tip(); at = *history.next(at)) {
    earliest = std::min(earliest, *history.switch_point(at));
  }
  return earliest;
}

runtime::Result<void> check_history_text(TimelineId timeline, std::string_view text) {
  CHECK(timeline != kFirstTimeline);
  const TimelineHistory history = TRY(TimelineHistory::parse(timeline, text));
  const bool has_parents = history.text_of(timeline).has_value();
  if (has_parents && text.ends_with('\n')) return {};
  return runtime::Error{
      .kind = &kBadHistory,
      .what = has_parents ? "its last line is not ended" : "it tells of no parent"};
}

std::optional<TimelineHistory> find_history(TimelineId timeline, const HistoryFiles& files) {
  if (timeline == kFirstTimeline) return TimelineHistory(timeline);
  for (auto it = files.lower_bound(timeline); it != files.end(); ++it) {
    const auto history = TimelineHistory::parse(it->first, it->second);
    CHECK(history.has_value());
    if (it->first == timeline) return *history;
    if (!history->contains(timeline)) continue;
    const auto text = history->text_of(timeline);
    return text ? std::optional(TimelineHistory::parse(timeline, *text).value()) : std::nullopt;
  }
  return std::nullopt;
}

Branch follow_branch(const TimelineHistory& from, const TimelineEnds& ends,
                     const HistoryFiles& files, SegmentSize size) {
  Branch branch{.history = from};
  const auto told = find_history(from.tip(), files);
  if (told.has_value() && continues(*told, from)) branch.history = *told;
  while (auto child = find_child(branch.history, ends, files, size)) {
    branch.history = *std::move(child);
  }
  for (auto it = ends.upper_bound(from.tip()); it != ends.end(); ++it) {
    if (branch.history.contains(it->first)) continue;
    const auto history = find_history(it->first, files);
    auto why = refusal(history, it->first, it->second, branch.history, size);
    if (!why) continue;
    branch.refused.insert(it->first);
    branch.warnings.push_back(*std::move(why));
  }
  end_at_forks(ends, files, branch);
  return branch;
}

}  // namespace server::wal

#include "server/wal/timeline.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "runtime/check.h"
#include "runtime/format.h"
#include "server/wal/names.h"

namespace server::wal {

namespace {

constexpr std::string_view kSpaces = " \t\n\v\f\r";

runtime::Error syntax_error(std::string_view line, std::string hint) {
  return {.kind = &kBadHistory,
          .what = runtime::format("syntax error in history file: {}", line),
          .hint = std::move(hint)};
}

std::string_view skip_spaces(std::string_view text) {
  return text.substr(std::min(text.find_first_not_of(kSpaces), text.size()));
}

// Takes a number off the front of `text`.
std::optional<std::uint32_t> take_number(std::string_view& text, int base) {
  std::uint32_t number = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number, base);
  if (error != std::errc{}) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(rest - text.data()));
  return number;
}

std::optional<Lsn> take_lsn(std::string_view& text) {
  const auto high = take_number(text, 16);
  if (!high || !text.starts_with('/')) return std::nullopt;
  text.remove_prefix(1);
  const auto low = take_number(text, 16);
  if (!low) return std::nullopt;
  return Lsn((std::uint64_t{*high} << 32) | *low);
}

struct Line {
  TimelineId parent;
  Lsn switch_point;
};

// The text behind the two fields is for people.
runtime::Result<Line> parse_line(std::string_view line) {
  std::string_view rest = skip_spaces(line);
  const auto parent = take_number(rest, 10);
  if (!parent) return syntax_error(line, "Expected a numeric timeline ID.");
  rest = skip_spaces(rest);
  const auto switch_point = take_lsn(rest);
  if (!switch_point) {
    return syntax_error(line, "Expected a write-ahead log switchpoint location.");
  }
  return Line{TimelineId{*parent}, *switch_point};
}

// Cuts the next line off the front of `text`.
std::string_view take_line(std::string_view& text) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

}  // namespace

namespace {

// PostgreSQL writes a child's file as a copy of its parent's, an empty line, and one line more
// (writeTimeLineHistory). The empty line is no part of the parent's.
std::string without_empty_last_line(std::string_view text) {
  if (text.ends_with("\n\n")) text.remove_suffix(1);
  return std::string(text);
}

}  // namespace

TimelineHistory::TimelineHistory(TimelineId tip) : entries_{{tip, Lsn(), Lsn()}} {
  CHECK(value(tip) != 0);
}

runtime::Result<TimelineHistory> TimelineHistory::parse(TimelineId tip, std::string_view text) {
  TimelineHistory history(tip);
  history.text_ = text;
  history.entries_.clear();
  TimelineId last{};
  Lsn last_end;
  while (!text.empty()) {
    const std::string_view line = take_line(text);
    const std::string_view content = skip_spaces(line);
    if (content.empty() || content.starts_with('#')) continue;
    const auto [parent, switch_point] = TRY(parse_line(line));
    if (parent <= last) {
      return runtime::Error{.kind = &kBadHistory,
                            .what = runtime::format("invalid data in history file: {}", line),
                            .hint = "Timeline IDs must be in increasing sequence."};
    }
    history.entries_.push_back({parent, last_end, switch_point});
    last = parent;
    last_end = switch_point;
  }
  if (tip <= last) {
    return runtime::Error{
        .kind = &kBadHistory,
        .what = runtime::format("invalid data in history file \"{}\"", history_name(tip)),
        .hint = "Timeline IDs must be less than child timeline's ID."};
  }
  history.entries_.push_back({tip, last_end, Lsn()});
  return history;
}

std::optional<Lsn> TimelineHistory::switch_point(TimelineId timeline) const {
  if (timeline == tip()) return std::nullopt;
  return at(timeline).end;
}

std::optional<TimelineId> TimelineHistory::next(TimelineId timeline) const {
  if (timeline == tip()) return std::nullopt;
  return (&at(timeline) + 1)->timeline;
}

Lsn TimelineHistory::begin(TimelineId timeline) const { return at(timeline).begin; }

// Newest first: a timeline that was recovered to a point before its parent's fork makes the one
// between them empty, and only this order skips it.
TimelineId TimelineHistory::owner(Lsn lsn) const {
  const auto holds = [lsn](const Entry& entry) { return entry.begin <= lsn; };
  const auto found = std::find_if(entries_.rbegin(), entries_.rend(), holds);
  CHECK(found != entries_.rend());  // the oldest begins at 0
  return found->timeline;
}

TimelineId TimelineHistory::file_timeline(SegmentNo no, SegmentSize segment_size,
                                          TimelineId streaming) const {
  const Entry* entry = &at(streaming);
  while (entry->timeline != tip() && segment_size.segment_of(entry->end) == no) ++entry;
  return entry->timeline;
}

std::optional<std::string> TimelineHistory::text_of(TimelineId timeline) const {
  DCHECK(contains(timeline));
  if (timeline == entries_.front().timeline) return std::nullopt;
  if (timeline == tip()) return text_;
  std::string_view rest = text_;
  while (!rest.empty()) {
    const std::size_t before = text_.size() - rest.size();
    const std::string_view content = skip_spaces(take_line(rest));
    if (content.empty() || content.starts_with('#')) continue;
    const auto line = parse_line(content);
    CHECK(line.has_value());  // as it was when the text was parsed
    if (line->parent == timeline) {
      return without_empty_last_line(std::string_view(text_).substr(0, before));
    }
  }
  UNREACHABLE();
}

const TimelineHistory::Entry* TimelineHistory::find(TimelineId timeline) const {
  const auto is = [timeline](const Entry& entry) { return entry.timeline == timeline; };
  const auto found = std::find_if(entries_.begin(), entries_.end(), is);
  return found == entries_.end() ? nullptr : &*found;
}

const TimelineHistory::Entry& TimelineHistory::at(TimelineId timeline) const {
  const Entry* entry = find(timeline);
  CHECK(entry != nullptr);
  return *entry;
}

}  // namespace server::wal

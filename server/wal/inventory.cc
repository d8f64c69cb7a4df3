#include "server/wal/inventory.h"

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <map>
#include <set>
#include <span>
#include <utility>

#include "runtime/errors.h"
#include "runtime/file.h"
#include "runtime/format.h"
#include "server/wal/format.h"
#include "server/wal/names.h"
#include "server/wal/opening.h"
#include "server/wal/pages.h"
#include "server/wal/record_reader.h"
#include "server/wal/segment_names.h"

namespace server::wal {

namespace {

using runtime::Error;
using runtime::format;
using runtime::Result;

struct Newest {
  FileName name;
  Identity identity;
};

// The first of these names whose file begins as WAL of that name; none if no file does, and then
// `why` says what is wrong with the first one.
Result<std::optional<Newest>> find_first_valid(const Directory& directory,
                                               std::span<const FileName> names, std::string& why) {
  for (const FileName& name : names) {
    auto opening = read_opening(directory, name);
    if (!opening) {
      if (opening.error().kind == &runtime::kFileMissing) continue;  // recycled just now
      return std::move(opening).error();
    }
    if (!is_fault(opening->finding)) return std::optional(Newest{name, opening->identity()});
    if (is_unsupported(name, *opening)) {
      return Error{.kind = &kUnsupportedWal,
                   .what = opening->fault().what,
                   .detail = "Only the WAL of PostgreSQL 13 to 18 can be read."};
    }
    if (why.empty()) why = opening->fault().what;
  }
  return std::optional<Newest>();
}

// The newest timeline first.
Result<Newest> find_newest(const Directory& directory, const SegmentNames& names) {
  std::string why;
  if (const auto newest = TRY(find_first_valid(directory, names.newest_first(), why))) {
    return *newest;
  }
  if (names.newest_first().empty()) {
    return Error{
        .kind = &kNoWal,
        .what = format("could not find any WAL file in directory \"{}\"", directory.path())};
  }
  return Error{
      .kind = &kNoWal,
      .what = format("could not find any valid WAL file in directory \"{}\"", directory.path()),
      .detail = format("The newest one is none: {}.", why)};
}

// A history file that is missing is a warning in the words of the open(2) that found none.
Result<TimelineHistory> read_history(const Directory& directory, TimelineId tip,
                                     std::vector<std::string>& warnings) {
  if (tip == TimelineId{1}) return TimelineHistory(tip);
  if (const auto text = TRY(directory.read_history(tip))) {
    return TimelineHistory::parse(tip, *text);
  }
  const Error missing = runtime::system_error(
      ENOENT, format("could not open file \"{}\"", directory.history_path(tip)));
  warnings.push_back(format("{}; timeline {} has no known parents", missing.what, value(tip)));
  return TimelineHistory(tip);
}

// Goes back from the newest segment as long as there are files.
void find_oldest(const SegmentNames& names, Inventory& inventory) {
  const SegmentSize size = inventory.identity.segment_size;
  const auto file = [&](SegmentNo no) {
    return names.find(inventory.history.file_timeline(no, size), no, size);
  };
  SegmentNo no = inventory.newest;
  while (value(no) > 0 && file(previous(no)) != nullptr) no = previous(no);
  inventory.oldest = no;
  const auto is_cut_off = [&](const FileName& name) {
    const auto other = name.segment(size);
    return other && *other < no && file(*other) == &name;
  };
  const auto& all = names.newest_first();
  if (std::none_of(all.begin(), all.end(), is_cut_off)) return;
  const SegmentNo gap = previous(no);
  inventory.missing = gap;
  inventory.warnings.push_back(
      format("WAL segment {} is missing, so WAL before {} cannot be served",
             segment_name(inventory.history.file_timeline(gap, size), gap, size), size.start(no)));
}

// Damage is for the reader to find; a stranger's segment is a mistake to tell now.
Result<void> check_system(const Directory& directory, const SegmentNames& names,
                          const Inventory& inventory, SegmentNo no) {
  const Identity& identity = inventory.identity;
  const SegmentSize size = identity.segment_size;
  const FileName* name = names.find(inventory.history.file_timeline(no, size), no, size);
  if (name == nullptr) return {};
  const Opening opening = TRY(read_opening(directory, *name));
  if (is_fault(opening.finding) || opening.identity() == identity) return {};
  const Finding finding{FaultKind::kSystemIdentifier, Lsn(), opening.header.system_identifier};
  return Error{.kind = &kForeignWal,
               .what = describe(finding, identity, opening.file).what,
               .detail = format("The WAL file is \"{}\".", opening.file)};
}

// Along the inventory's history. REQUIRES: all else of the inventory is known.
Result<Inventory> count_segments(const Directory& directory, const SegmentNames& names,
                                 Inventory inventory) {
  find_oldest(names, inventory);
  for (const SegmentNo no : {inventory.oldest, previous(inventory.newest)}) {
    TRY(check_system(directory, names, inventory, no));
  }
  return inventory;
}

// The oldest timeline that has WAL, or the one that was asked for.
Result<Newest> find_root(const Directory& directory, const SegmentNames& names,
                         const TimelineTarget& target) {
  std::string why;
  if (target.kind == TimelineTarget::Kind::kNumber) {
    const auto found = TRY(find_first_valid(directory, names.of(target.number), why));
    if (found.has_value()) return *found;
    return Error{.kind = &kNoWal,
                 .what = format("recovery target timeline {} does not exist", value(target.number)),
                 .detail = format("Directory \"{}\" has no WAL of it.", directory.path())};
  }
  for (const TimelineId timeline : names.timelines()) {
    const auto found = TRY(find_first_valid(directory, names.of(timeline), why));
    if (found.has_value()) return *found;
  }
  return find_newest(directory, names);  // which says why there is none
}

// A fault in the files of one timeline keeps no other from being served. A file of the
// first that cannot be read is for its reader to tell of.
TimelineEnds find_ends(const Directory& directory, const SegmentNames& names,
                       const Identity& identity, TimelineId first,
                       std::vector<std::string>& warnings) {
  TimelineEnds ends;
  const std::set<TimelineId> all = names.timelines();
  for (auto it = all.lower_bound(first); it != all.end(); ++it) {
    std::string why;
    const auto found = find_first_valid(directory, names.of(*it), why);
    if (!found) {
      if (*it == first) continue;
      warnings.push_back(
          format("{}; WAL of timeline {} cannot be looked at", found.error().what, value(*it)));
    } else if (found->has_value() && (*found)->identity != identity) {
      warnings.push_back(format(
          "WAL file \"{}\" is from different database system: WAL of timeline {} is not served",
          file_name((*found)->name), value(*it)));
    } else if (found->has_value()) {
      ends.emplace(*it, *(*found)->name.segment(identity.segment_size));
    }
  }
  return ends;
}

// The history files of a directory, and why some are of no use: one that cannot be read, or is not
// all there, is not taken for that of a timeline without parents.
struct Histories {
  HistoryFiles files;
  std::map<TimelineId, Error> bad = {};

  std::string words(TimelineId timeline) const {
    return format("history file \"{}\" is of no use: {}", history_name(timeline),
                  bad.at(timeline).what);
  }
  void warn(std::vector<std::string>& warnings) const {
    for (const auto& [timeline, error] : bad) warnings.push_back(words(timeline));
  }
};

Result<Histories> read_histories(const Directory& directory) {
  Histories histories;
  for (const FileName& name : TRY(directory.list())) {
    if (name.kind != FileName::Kind::kHistory || name.timeline == TimelineId{1}) continue;
    auto text = directory.read_history(name.timeline);
    if (text && !text->has_value()) continue;  // it has gone just now
    auto checked =
        text ? check_history_text(name.timeline, **text) : Result<void>(std::move(text).error());
    if (checked) {
      histories.files.emplace(name.timeline, **std::move(text));
    } else {
      histories.bad.emplace(name.timeline, std::move(checked).error());
    }
  }
  return histories;
}

}  // namespace

Result<Inventory> take_inventory(const Directory& directory,
                                 const std::optional<SegmentBounds>& bounds) {
  SegmentNames names = TRY(SegmentNames::list(directory));
  if (bounds) names.narrow(*bounds);
  const Newest newest = TRY(find_newest(directory, names));
  std::vector<std::string> warnings;
  TimelineHistory history = TRY(read_history(directory, newest.name.timeline, warnings));
  return count_segments(directory, names,
                        {.identity = newest.identity,
                         .history = std::move(history),
                         .newest = *newest.name.segment(newest.identity.segment_size),
                         .warnings = std::move(warnings)});
}

Result<Inventory> take_inventory(const Directory& directory, const TimelineTarget& target) {
  const SegmentNames names = TRY(SegmentNames::list(directory));
  const Newest root = TRY(find_root(directory, names, target));
  const TimelineId timeline = root.name.timeline;
  const SegmentSize size = root.identity.segment_size;
  Histories histories = TRY(read_histories(directory));
  if (histories.bad.contains(timeline)) {
    return Error{.kind = &kBadHistory, .what = histories.words(timeline)};
  }
  Inventory inventory{.identity = root.identity,
                      .history = TimelineHistory(timeline),
                      .newest = *root.name.segment(size)};
  if (auto known = find_history(timeline, histories.files)) {
    inventory.history = *std::move(known);
  } else {
    inventory.history = TRY(read_history(directory, timeline, inventory.warnings));
  }
  if (target.kind == TimelineTarget::Kind::kLatest) {
    const TimelineEnds ends =
        find_ends(directory, names, root.identity, timeline, inventory.warnings);
    histories.warn(inventory.warnings);
    Branch branch = follow_branch(inventory.history, ends, histories.files, size);
    inventory.history = std::move(branch.history);
    const auto end = ends.find(inventory.history.tip());
    if (end != ends.end()) inventory.newest = end->second;
    inventory.end_max = branch.end_max;
    inventory.forked = branch.forked;
    std::move(branch.warnings.begin(), branch.warnings.end(),
              std::back_inserter(inventory.warnings));
  }
  inventory.files = std::move(histories.files);
  return count_segments(directory, names, std::move(inventory));
}

Result<TimelineSurvey> survey_timelines(const Directory& directory, const Identity& identity,
                                        TimelineId served) {
  const SegmentNames names = TRY(SegmentNames::list(directory));
  Histories histories = TRY(read_histories(directory));
  TimelineSurvey survey{.ends = {}, .files = std::move(histories.files)};
  survey.ends = find_ends(directory, names, identity, served, survey.warnings);
  histories.warn(survey.warnings);
  return survey;
}

Result<EndOfWal> find_end_of_wal(const Directory& directory, const Inventory& inventory) {
  const SegmentSize size = inventory.identity.segment_size;
  FilePages pages(directory.path(), inventory.history, size);
  RecordReader reader(pages, inventory.identity);
  const Lsn newest = size.start(inventory.newest);
  const bool alone = inventory.newest == inventory.oldest;
  Outcome outcome = reader.seek_covering(alone ? newest : newest - size.bytes());
  while (outcome == Outcome::kRecord) outcome = reader.next();

  const auto& problem = reader.problem();
  if (problem && problem->kind != &runtime::kFileMissing) return *problem;
  EndOfWal end{.end = reader.position(),
               .last_record = reader.previous_record(),
               .incomplete_to = std::max(reader.position(), reader.stopped_at().page_start())};
  if (outcome == Outcome::kInvalid || end.incomplete_to < newest) end.stopped_by = reader.fault();
  return end;
}

}  // namespace server::wal

#include "server/wal/inventory.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <iterator>
#include <map>
#include <set>
#include <span>
#include <tuple>
#include <utility>

#include "runtime/errors.h"
#include "runtime/file.h"
#include "runtime/format.h"
#include "server/wal/format.h"
#include "server/wal/names.h"
#include "server/wal/pages.h"
#include "server/wal/record_reader.h"

namespace server::wal {

namespace {

using runtime::Error;
using runtime::format;
using runtime::Result;

// What a segment file begins with.
struct Opening {
  std::string file;
  LongPageHeader header;
  Finding finding;  // why this is not WAL of the file's own name, if it is not

  Identity identity() const {
    const bool fits = SegmentSize::is_valid(header.segment_bytes);
    return {.system_identifier = header.system_identifier,
            .segment_size = fits ? SegmentSize(header.segment_bytes) : SegmentSize(),
            .page_magic = header.page.magic};
  }
  Fault fault() const { return describe(finding, identity(), file); }
};

// The position that a segment of this name begins at, in a cluster of this segment size.
std::optional<Lsn> start_of(const FileName& name, std::uint32_t segment_bytes) {
  if (!SegmentSize::is_valid(segment_bytes)) return std::nullopt;
  const SegmentSize size(segment_bytes);
  const auto no = name.segment(size);
  return no ? std::optional(size.start(*no)) : std::nullopt;
}

Finding judge(const FileName& name, const LongPageHeader& header) {
  const auto start = start_of(name, header.segment_bytes);
  const PageHeader& page = header.page;
  if (!major_version(page.magic)) return {FaultKind::kMagic, Lsn(), page.magic};
  if ((page.info & ~kPageAllFlags) != 0 || (page.info & kPageLongHeader) == 0) {
    return {FaultKind::kInfoBits, Lsn(), page.info};
  }
  if (header.page_bytes != kPageBytes) return {FaultKind::kPageSize, Lsn()};
  if (!SegmentSize::is_valid(header.segment_bytes)) return {FaultKind::kSegmentSize, Lsn()};
  if (page.page_address == 0 || start != Lsn(page.page_address)) {
    return {FaultKind::kPageAddress, Lsn(), page.page_address};
  }
  if (page.timeline == 0 || page.timeline > value(name.timeline)) {
    return {FaultKind::kTimelineUnexpected, Lsn(), page.timeline};
  }
  return {};
}

Result<Opening> read_opening(const Directory& directory, const FileName& name) {
  Opening opening{.file = file_name(name), .header = {}, .finding = {}};
  const std::string path = directory.path_of(name);
  const auto file = TRY(runtime::open_for_reading(path));
  const auto buffer = std::as_writable_bytes(std::span(&opening.header, 1));
  const auto size = TRY(runtime::read_at(file, path, 0, buffer));
  opening.finding = size < buffer.size()
                        ? Finding{FaultKind::kShortFile, Lsn(), size, buffer.size()}
                        : judge(name, opening.header);
  return opening;
}

// A segment that was meant to be WAL, but by a version whose format we do not know.
bool is_unsupported(const FileName& name, const Opening& opening) {
  return opening.finding.kind == FaultKind::kMagic && opening.finding.found != 0 &&
         start_of(name, opening.header.segment_bytes) == Lsn(opening.header.page.page_address);
}

// The segments of a directory by their names.
class Names {
 public:
  static Result<Names> list(const Directory& directory) {
    Names names{TRY(directory.list())};
    std::erase_if(names.segments_,
                  [](const FileName& name) { return name.kind == FileName::Kind::kHistory; });
    std::sort(names.segments_.begin(), names.segments_.end(), newer);
    return names;
  }

  const std::vector<FileName>& newest_first() const { return segments_; }

  std::set<TimelineId> timelines() const {
    std::set<TimelineId> all;
    for (const FileName& name : segments_) all.insert(all.begin(), name.timeline);
    return all;
  }
  // The segments of one timeline, newest first.
  std::span<const FileName> of(TimelineId timeline) const {
    const auto is_newer = [](const FileName& name, TimelineId than) {
      return name.timeline > than;
    };
    const auto is_older = [](TimelineId than, const FileName& name) {
      return than > name.timeline;
    };
    const auto begin = std::lower_bound(segments_.begin(), segments_.end(), timeline, is_newer);
    return {begin, std::upper_bound(begin, segments_.end(), timeline, is_older)};
  }

  const FileName* find(TimelineId timeline, SegmentNo no, SegmentSize size) const {
    const std::uint64_t per_log = (std::uint64_t{1} << 32) / size.bytes();
    const FileName wanted{.timeline = timeline,
                          .log = static_cast<std::uint32_t>(value(no) / per_log),
                          .seg = static_cast<std::uint32_t>(value(no) % per_log)};
    const auto found = std::lower_bound(segments_.begin(), segments_.end(), wanted, newer);
    return found != segments_.end() && key(*found) == key(wanted) ? &*found : nullptr;
  }

 private:
  static std::tuple<TimelineId, std::uint32_t, std::uint32_t> key(const FileName& name) {
    return {name.timeline, name.log, name.seg};
  }
  // A whole segment comes before its own .partial, which is read only without it.
  static bool newer(const FileName& a, const FileName& b) {
    return key(a) != key(b) ? key(a) > key(b) : a.kind < b.kind;
  }

  explicit Names(std::vector<FileName> names) : segments_(std::move(names)) {}

  std::vector<FileName> segments_;
};

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
Result<Newest> find_newest(const Directory& directory, const Names& names) {
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
void find_oldest(const Names& names, Inventory& inventory) {
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
  inventory.warnings.push_back(
      format("WAL segment {} is missing, so WAL before {} cannot be served",
             segment_name(inventory.history.file_timeline(gap, size), gap, size), size.start(no)));
}

// Damage is for the reader to find; a stranger's segment is a mistake to tell now.
Result<void> check_system(const Directory& directory, const Names& names,
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
Result<Inventory> count_segments(const Directory& directory, const Names& names,
                                 Inventory inventory) {
  find_oldest(names, inventory);
  for (const SegmentNo no : {inventory.oldest, previous(inventory.newest)}) {
    TRY(check_system(directory, names, inventory, no));
  }
  return inventory;
}

// The oldest timeline that has WAL, or the one that was asked for.
Result<Newest> find_root(const Directory& directory, const Names& names,
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

// What is wrong with the files of one timeline keeps no other from being served. A file of the
// first that cannot be read is for its reader to tell of.
TimelineEnds find_ends(const Directory& directory, const Names& names, const Identity& identity,
                       TimelineId first, std::vector<std::string>& warnings) {
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

Result<Inventory> take_inventory(const Directory& directory) {
  const Names names = TRY(Names::list(directory));
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
  const Names names = TRY(Names::list(directory));
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
  const Names names = TRY(Names::list(directory));
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

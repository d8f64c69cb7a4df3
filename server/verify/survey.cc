#include "server/verify/survey.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <tuple>

#include "runtime/errors.h"
#include "runtime/file.h"
#include "runtime/format.h"
#include "server/verify/compressed.h"
#include "server/wal/branch.h"
#include "server/wal/inventory.h"
#include "server/wal/names.h"
#include "server/wal/opening.h"

namespace server::verify {

using runtime::Error;
using runtime::format;
using runtime::Result;
using wal::FileName;
using wal::SegmentNo;
using wal::TimelineId;

namespace {

// So many first pages say which cluster a directory is of; all of them if these do not.
constexpr std::size_t kOpenings = 64;

// What lies beside WAL in the directories of PostgreSQL and of walcast.
bool is_known(std::string_view name) {
  constexpr std::array<std::string_view, 4> kNames{"archive_status", "summaries", "pg_replslot",
                                                   "xlogtemp"};
  return name == "." || name == ".." || name.ends_with(".backup") || name.starts_with("walcast.") ||
         std::any_of(kNames.begin(), kNames.end(),
                     [name](std::string_view known) { return name.starts_with(known); });
}

// What the names of a directory say.
struct Names {
  std::vector<FileName> segments;  // and .partial files
  std::vector<std::pair<FileName, std::string>> compressed_names;
  std::vector<TimelineId> histories;
  std::vector<std::string> foreign;
};

Names sort_out(const std::vector<std::string>& entries) {
  Names names;
  for (const std::string& entry : entries) {
    if (const auto name = wal::parse_file_name(entry)) {
      const bool is_history = name->kind == FileName::Kind::kHistory;
      is_history ? names.histories.push_back(name->timeline) : names.segments.push_back(*name);
      continue;
    }
    if (const auto name = parse_compressed_name(entry)) {
      names.compressed_names.emplace_back(*name, entry);
    } else if (!is_known(entry)) {
      names.foreign.push_back(entry);
    }
  }
  return names;
}

// Counts the clusters that first pages are of, and says why there is none.
class Census {
 public:
  explicit Census(const wal::Directory& directory) : directory_(directory) {}

  void count(const FileName& name);
  std::optional<wal::Identity> most() const;
  const std::string& why() const { return why_; }

 private:
  struct Count {
    wal::Identity identity;
    std::size_t files = 0;
  };
  const wal::Directory& directory_;
  std::vector<Count> counts_;
  std::string why_;
};

void Census::count(const FileName& name) {
  const auto opening = read_opening(directory_, name);
  if (!opening || is_fault(opening->finding)) {
    if (!why_.empty()) return;
    why_ = opening ? opening->fault().what : opening.error().what;
    const auto by = opening && opening->finding.kind == wal::FaultKind::kMagic
                        ? compression_of(opening->finding.found)
                        : std::string_view();
    if (!by.empty()) why_ += format(", which is that of {}: it is compressed", by);
    return;
  }
  const wal::Identity identity = opening->identity();
  auto found = std::find_if(counts_.begin(), counts_.end(),
                            [&](const Count& count) { return count.identity == identity; });
  if (found == counts_.end()) found = counts_.insert(found, {.identity = identity});
  ++found->files;
}

std::optional<wal::Identity> Census::most() const {
  const auto most =
      std::max_element(counts_.begin(), counts_.end(),
                       [](const Count& a, const Count& b) { return a.files < b.files; });
  return most == counts_.end() ? std::nullopt : std::optional(most->identity);
}

// Some segments of the whole directory, so that a few foreign ones are the fewer.
Result<wal::Identity> find_identity(const wal::Directory& directory, const Names& names) {
  Census census(directory);
  const std::size_t count = names.segments.size();
  const std::size_t step = std::max<std::size_t>(1, count / kOpenings);
  for (std::size_t i = 0; i < count; i += step) census.count(names.segments[i]);
  for (std::size_t i = 0; i < count && !census.most(); ++i) census.count(names.segments[i]);
  if (const auto identity = census.most()) return *identity;
  if (count == 0) {
    return Error{
        .kind = &wal::kNoWal,
        .what = format("could not find any WAL file in directory \"{}\"", directory.path()),
        .detail = names.compressed_names.empty()
                      ? ""
                      : format("{} compressed files are there, the first is {}. They are not read:"
                               " verify what they unpack to.",
                               names.compressed_names.size(), names.compressed_names[0].second)};
  }
  return Error{
      .kind = &wal::kNoWal,
      .what = format("could not find any valid WAL file in directory \"{}\"", directory.path()),
      .detail = format("The first one is none: {}.", census.why())};
}

// Null if there is none.
const std::string* compressed_history(const Names& names, TimelineId timeline) {
  for (const auto& [name, entry] : names.compressed_names) {
    if (name.kind == FileName::Kind::kHistory && name.timeline == timeline) return &entry;
  }
  return nullptr;
}

// The parents of every timeline that has files. What is wrong with a text is a fault of its own.
void read_histories(const wal::Directory& directory, const Names& names, Survey& survey) {
  wal::HistoryFiles files;
  for (const TimelineId timeline : names.histories) {
    const auto text = directory.read_history(timeline);
    if (timeline == TimelineId{1} || (text && !text->has_value())) continue;
    const auto right =
        text ? wal::check_history_text(timeline, **text) : Result<void>(text.error());
    right ? void(files.emplace(timeline, **text))
          : void(survey.bad_histories.emplace(timeline, right.error().what));
  }
  std::set<TimelineId> timelines;
  for (const WalFile& file : survey.files) timelines.insert(file.timeline());
  for (const TimelineId timeline : timelines) {
    if (auto history = wal::find_history(timeline, files)) {
      survey.histories.emplace(timeline, *std::move(history));
    } else if (timeline == TimelineId{1}) {
      survey.histories.emplace(timeline, wal::TimelineHistory(timeline));
    } else if (const auto* entry = compressed_history(names, timeline)) {
      survey.compressed_histories.emplace(timeline, *entry);
    } else if (!survey.bad_histories.contains(timeline)) {
      survey.missing_histories.push_back(timeline);
    }
  }
}

// Of a file that has gone meanwhile, nothing.
std::uint64_t size_of(const wal::Directory& directory, const FileName& name) {
  std::error_code error;
  const auto bytes = std::filesystem::file_size(directory.path() + "/" + file_name(name), error);
  return error ? 0 : bytes;
}

// The last segment of all ends at 2^64, which is no LSN: PostgreSQL never gets there.
bool has_end(const std::optional<SegmentNo>& no, wal::SegmentSize size) {
  return no && size.end(*no) > size.start(*no);
}

void take_files(const wal::Directory& directory, const Names& names, Survey& survey) {
  const wal::SegmentSize size = survey.identity.segment_size;
  std::map<SegmentKey, FileName> files;
  const auto take = [&](FileName::Kind kind) {
    for (const FileName& name : names.segments) {
      if (name.kind != kind) continue;
      const auto no = name.segment(size);
      if (!has_end(no, size)) {
        survey.foreign.push_back(file_name(name));
      } else if (!files.try_emplace({name.timeline, *no}, name).second) {
        survey.partials_beside.insert({name.timeline, *no});
      }
    }
  };
  take(FileName::Kind::kSegment);
  take(FileName::Kind::kPartial);
  for (const auto& [key, name] : files) {
    survey.files.push_back({name, key.second, size_of(directory, name)});
  }
  std::sort(survey.files.begin(), survey.files.end(), [](const WalFile& a, const WalFile& b) {
    return std::tuple(a.no, a.timeline()) < std::tuple(b.no, b.timeline());
  });
  for (const auto& [name, entry] : names.compressed_names) {
    if (name.kind == FileName::Kind::kHistory) continue;
    const auto no = name.segment(size);
    if (!has_end(no, size)) {
      survey.foreign.push_back(entry);
      continue;
    }
    const auto beside = files.find({name.timeline, *no});
    // A whole segment has what a .partial lacks.
    const bool is_copy =
        beside != files.end() &&
        (beside->second.kind == FileName::Kind::kSegment || name.kind == FileName::Kind::kPartial);
    if (is_copy || !survey.compressed.emplace(SegmentKey{name.timeline, *no}, entry).second) {
      survey.compressed_copies.push_back(entry);
    }
  }
}

// The foreign, the compressed and the rest stay: they are the directory's.
void narrow(Survey& survey, const Scope& scope) {
  const wal::SegmentSize size = survey.identity.segment_size;
  const auto is_out = [&](TimelineId timeline, SegmentNo no) {
    if (size.end(no) <= scope.from || size.start(no) >= scope.to) return true;
    return scope.timeline && survey.holder(*scope.timeline, no) != timeline;
  };
  std::erase_if(survey.files, [&](const WalFile& f) { return is_out(f.timeline(), f.no); });
  std::erase_if(survey.compressed,
                [&](const auto& f) { return is_out(f.first.first, f.first.second); });
}

}  // namespace

const wal::TimelineHistory* Survey::history_of(TimelineId timeline) const {
  const auto found = histories.find(timeline);
  return found == histories.end() ? nullptr : &found->second;
}

TimelineId Survey::holder(TimelineId timeline, SegmentNo no) const {
  const wal::TimelineHistory* history = history_of(timeline);
  return history == nullptr ? timeline : history->file_timeline(no, identity.segment_size);
}

Result<Survey> survey(const wal::Directory& directory, const Scope& scope) {
  Names names = sort_out(TRY(runtime::list_directory(directory.path())));
  std::sort(names.segments.begin(), names.segments.end(), [](const auto& a, const auto& b) {
    return std::tuple(a.log, a.seg) < std::tuple(b.log, b.seg);
  });
  Survey survey{.identity = TRY(find_identity(directory, names))};
  survey.foreign = std::move(names.foreign);
  take_files(directory, names, survey);
  read_histories(directory, names, survey);
  if (scope.timeline && survey.history_of(*scope.timeline) == nullptr &&
      std::none_of(survey.files.begin(), survey.files.end(),
                   [&](const WalFile& file) { return file.timeline() == *scope.timeline; })) {
    return Error{.kind = &wal::kNoWal,
                 .what = format("directory \"{}\" has no WAL of timeline {}", directory.path(),
                                value(*scope.timeline))};
  }
  narrow(survey, scope);
  if (survey.files.empty()) {
    return Error{.kind = &wal::kNoWal,
                 .what = format("directory \"{}\" has no WAL from {} to {}", directory.path(),
                                scope.from, scope.to)};
  }
  return survey;
}

}  // namespace server::verify

#include "server/wal/timelines.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <utility>

#include "runtime/errors.h"
#include "runtime/format.h"
#include "server/wal/names.h"

namespace server::wal {

runtime::Result<HistoryFiles> read_history_files(const std::string& directory) {
  HistoryFiles files;
  std::error_code error;
  for (std::filesystem::directory_iterator it(directory, error), end; !error && it != end;
       it.increment(error)) {
    const auto name = parse_file_name(it->path().filename().native());
    if (!name.has_value() || name->kind != FileName::Kind::kHistory) continue;
    std::ifstream file(it->path(), std::ios::binary);
    std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    if (file.good() || file.eof()) files.emplace(name->timeline, std::move(text));
  }
  if (error) {
    return runtime::system_error(error.value(),
                                 runtime::format("could not open directory \"{}\"", directory));
  }
  return files;
}

runtime::Result<TimelineHistory> history_of(TimelineId timeline, const HistoryFiles& files) {
  const auto file = files.find(timeline);
  if (file == files.end()) return TimelineHistory(timeline);
  return TimelineHistory::parse(timeline, file->second);
}

bool continues(const TimelineHistory& later, const TimelineHistory& known) {
  for (std::optional<TimelineId> id = known.owner(Lsn()); id; id = known.next(*id)) {
    if (!later.contains(*id)) return false;
    if (*id != known.tip() && later.switch_point(*id) != known.switch_point(*id)) return false;
  }
  return true;
}

}  // namespace server::wal

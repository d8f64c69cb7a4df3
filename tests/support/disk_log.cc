#include "tests/support/disk_log.h"

#include <fcntl.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "runtime/check.h"

namespace tests {

namespace {

// Power may go in the middle of a write: sectors are what a disk writes whole.
constexpr std::size_t kSectorBytes = 512;

thread_local std::size_t sync_begun_at = 0;

std::string folder_of(const std::string& name) {
  const std::size_t slash = name.find('/');
  return slash == std::string::npos ? "." : name.substr(0, slash);
}

bool is_sync(const DiskCall& call) { return call.name == "fsync" || call.name == "fdatasync"; }

std::optional<DiskEvent::What> what_of(const DiskCall& call) {
  if (call.name == "open" && (call.flags & O_CREAT) != 0) return DiskEvent::Create{};
  if (call.name == "pwrite") {
    return DiskEvent::Write{call.offset, {call.content.begin(), call.content.end()}};
  }
  if (call.name == "ftruncate") return DiskEvent::Resize{call.size, /*may_shrink=*/true};
  if (call.name == "fallocate") return DiskEvent::Resize{call.size, /*may_shrink=*/false};
  if (call.name == "rename") return DiskEvent::Rename{call.to};
  if (call.name == "unlink") return DiskEvent::Unlink{};
  if (call.name == "mkdir") return DiskEvent::MakeFolder{};
  if (is_sync(call)) return DiskEvent::Sync{sync_begun_at};
  return std::nullopt;
}

}  // namespace

DiskLog::DiskLog(const std::string& directory, std::function<int(const DiskCall&)> fail)
    : fail_(std::move(fail)),
      hook_(
          directory, [this](const DiskCall& call) { return before(call); },
          [this](const DiskCall& call) { after(call); }) {}

void DiskLog::promise(const std::string& about, std::uint64_t value) {
  const runtime::Lock lock(mutex_);
  events_.push_back({about, DiskEvent::Promise{value}});
}

std::vector<DiskEvent> DiskLog::events() const {
  const runtime::Lock lock(mutex_);
  return events_;
}

int DiskLog::before(const DiskCall& call) {
  const runtime::Lock lock(mutex_);
  if (is_sync(call)) sync_begun_at = events_.size();
  const int sys_errno = fail_ ? fail_(call) : 0;
  if (sys_errno != 0 && is_sync(call)) events_.push_back({call.file, DiskEvent::SyncFailure{}});
  return sys_errno;
}

void DiskLog::after(const DiskCall& call) {
  if (!call.succeeded) return;
  const runtime::Lock lock(mutex_);
  if (auto what = what_of(call)) events_.push_back({call.file, *std::move(what)});
}

DiskImage::DiskImage(const std::string& directory) {
  namespace fs = std::filesystem;
  for (const auto& entry : fs::recursive_directory_iterator(directory)) {
    const std::string name = fs::relative(entry.path(), directory);
    if (entry.is_directory()) {
      names_[name] = kFolder;
      continue;
    }
    names_[name] = files_.size();
    Bytes& bytes = files_.emplace_back().durable;
    bytes.resize(entry.file_size());
    std::ifstream file(entry.path(), std::ios::binary);
    file.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    CHECK(file.good());
  }
  durable_names_ = names_;
}

void DiskImage::apply(const DiskEvent& event) {
  const bool exists = names_.contains(event.file);
  if (const auto* promise = std::get_if<DiskEvent::Promise>(&event.what)) {
    promised_[event.file] = promise->value;
  } else if (const auto* covered = std::get_if<DiskEvent::Sync>(&event.what)) {
    sync(event.file, covered->begun_at);
  } else if (std::holds_alternative<DiskEvent::SyncFailure>(event.what)) {
    fail_sync(event.file);
  } else if (std::holds_alternative<DiskEvent::Create>(event.what) && exists) {
    change_file({event.file, DiskEvent::Resize{.size = 0, .may_shrink = true}});
  } else if (std::holds_alternative<DiskEvent::Write>(event.what) ||
             std::holds_alternative<DiskEvent::Resize>(event.what)) {
    change_file(event);
  } else {
    change_names(event);
  }
  ++applied_;
}

// A file that has lost its name is of no account any more.
void DiskImage::change_file(const DiskEvent& event) {
  const auto named = names_.find(event.file);
  if (named != names_.end()) files_[named->second].pending.push_back({applied_, event});
}

void DiskImage::change_names(const DiskEvent& event) {
  NameChange change{.index = applied_, .from = event.file, .to = "", .id = kFolder};
  if (std::holds_alternative<DiskEvent::MakeFolder>(event.what)) std::swap(change.from, change.to);
  if (std::holds_alternative<DiskEvent::Create>(event.what)) {
    change = {.index = applied_, .from = "", .to = event.file, .id = files_.size()};
    files_.emplace_back();
  }
  if (const auto* rename = std::get_if<DiskEvent::Rename>(&event.what)) change.to = rename->to;
  if (!change.from.empty()) {
    const auto named = names_.find(change.from);
    if (named == names_.end()) return;
    change.id = named->second;
  }
  apply_to(names_, change);
  pending_names_.push_back(std::move(change));
}

void DiskImage::sync(const std::string& name, std::size_t begun_at) {
  const auto take_covered = [begun_at](auto& pending, auto apply) {
    const auto end = std::find_if(pending.begin(), pending.end(), [begun_at](const auto& change) {
      return change.index >= begun_at;
    });
    std::for_each(pending.begin(), end, apply);
    pending.erase(pending.begin(), end);
  };
  const auto named = names_.find(name);
  if (named == names_.end() || named->second == kFolder) return sync_folder(name, begun_at);
  File& file = files_[named->second];
  take_covered(file.pending, [&file](const Change& change) {
    if (!change.has_failed) apply_to(file.durable, change.event);
  });
}

// The kernel takes for clean what it could not write, and has told that once (fsync(2)).
void DiskImage::fail_sync(const std::string& name) {
  const auto named = names_.find(name);
  if (named == names_.end() || named->second == kFolder) return;
  for (Change& change : files_[named->second].pending) {
    if (std::holds_alternative<DiskEvent::Write>(change.event.what)) change.has_failed = true;
  }
}

// A rename from one folder to another is one entry of the journal, and is where the file went.
void DiskImage::sync_folder(const std::string& folder, std::size_t begun_at) {
  std::erase_if(pending_names_, [&](const NameChange& change) {
    const bool is_covered =
        change.index < begun_at && folder_of(change.to.empty() ? change.from : change.to) == folder;
    if (!is_covered) return false;
    apply_to(durable_names_, change);
    if (change.to.empty()) files_[change.id] = {};  // it has no name any more
    return true;
  });
}

void DiskImage::apply_to(Bytes& bytes, const DiskEvent& event) {
  if (const auto* write = std::get_if<DiskEvent::Write>(&event.what)) {
    bytes.resize(std::max<std::size_t>(bytes.size(), write->offset + write->content.size()));
    std::copy(write->content.begin(), write->content.end(),
              bytes.begin() + static_cast<std::ptrdiff_t>(write->offset));
  } else if (const auto* resize = std::get_if<DiskEvent::Resize>(&event.what)) {
    if (resize->may_shrink || resize->size > bytes.size()) bytes.resize(resize->size);
  }
}

void DiskImage::apply_to(Names& names, const NameChange& change) {
  if (!change.from.empty()) names.erase(change.from);
  if (!change.to.empty()) names[change.to] = change.id;
}

bool DiskImage::Fate::keeps(std::size_t index) const {
  switch (luck) {
    case Luck::kNothingElse:
      return false;
    case Luck::kEverything:
      return true;
    case Luck::kJournal:
      return index < journal_to;
    case Luck::kAnyOrder:
      return random() % 2 == 0;
  }
  UNREACHABLE();
}

// Behind none, some or all of the changes of names and sizes.
std::size_t DiskImage::any_end_of_journal(std::mt19937& random) const {
  std::vector<std::size_t> ends{applied_};
  for (const NameChange& change : pending_names_) ends.push_back(change.index);
  for (const File& file : files_) {
    for (const Change& change : file.pending) {
      if (std::holds_alternative<DiskEvent::Resize>(change.event.what)) {
        ends.push_back(change.index);
      }
    }
  }
  return ends[random() % ends.size()];
}

// What was not synced survives as a whole, or sector by sector. What a write has lost is zeros then
// and no hole, if the file is still long enough: behind a change of size that is lost there is no
// later one, and what was written needs a place that the file has with and without it.
DiskImage::Bytes DiskImage::surviving(const File& file, const Fate& fate) {
  Bytes bytes = file.durable;
  if (fate.luck == Luck::kNothingElse) return bytes;
  std::size_t limit = SIZE_MAX;
  for (const Change& change : file.pending) {
    if (const auto* write = std::get_if<DiskEvent::Write>(&change.event.what)) {
      write_some(bytes, *write, limit, fate);
    } else if (limit == SIZE_MAX && fate.keeps(change.index)) {
      apply_to(bytes, change.event);
    } else {
      const std::size_t size = std::get<DiskEvent::Resize>(change.event.what).size;
      limit = std::min({limit, bytes.size(), size});
    }
  }
  return bytes;
}

void DiskImage::write_some(Bytes& bytes, const DiskEvent::Write& write, std::size_t limit,
                           const Fate& fate) {
  for (std::size_t at = 0; at < write.content.size(); at += kSectorBytes) {
    if (fate.luck != Luck::kEverything && fate.random() % 2 == 0) continue;
    const auto sector =
        std::span(write.content).subspan(at, std::min(kSectorBytes, write.content.size() - at));
    if (write.offset + at + sector.size() > limit) continue;
    apply_to(bytes, {"", DiskEvent::Write{write.offset + at, {sector.begin(), sector.end()}}});
  }
}

// Of two changes of one name the later one counts, if both survive.
DiskImage::Names DiskImage::surviving_names(const Fate& fate) const {
  Names names = durable_names_;
  for (const NameChange& change : pending_names_) {
    if (fate.keeps(change.index)) apply_to(names, change);
  }
  return names;
}

void DiskImage::write_to(const std::string& directory, Luck luck, std::mt19937& random) const {
  const Fate fate{.luck = luck,
                  .journal_to = luck == Luck::kJournal ? any_end_of_journal(random) : 0,
                  .random = random};
  const Names names = surviving_names(fate);
  for (const auto& [name, id] : names) {
    if (id == kFolder) std::filesystem::create_directory(directory + "/" + name);
  }
  for (const auto& [name, id] : names) {
    const std::string folder = folder_of(name);
    if (id == kFolder || (folder != "." && !names.contains(folder))) continue;
    const Bytes bytes = surviving(files_[id], fate);
    std::ofstream file(directory + "/" + name, std::ios::binary);
    file.write(reinterpret_cast<const char*>(bytes.data()),
               static_cast<std::streamsize>(bytes.size()));
    CHECK(file.good());
  }
}

std::optional<std::uint64_t> DiskImage::promised(const std::string& about) const {
  const auto found = promised_.find(about);
  return found == promised_.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace tests

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
  return fail_ ? fail_(call) : 0;
}

void DiskLog::after(const DiskCall& call) {
  if (!call.succeeded) return;
  const runtime::Lock lock(mutex_);
  if (auto what = what_of(call)) events_.push_back({call.file, *std::move(what)});
}

void DiskImage::apply(const DiskEvent& event) {
  const bool exists = names_.contains(event.file);
  if (const auto* promise = std::get_if<DiskEvent::Promise>(&event.what)) {
    promised_[event.file] = promise->value;
  } else if (const auto* covered = std::get_if<DiskEvent::Sync>(&event.what)) {
    sync(event.file, covered->begun_at);
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
  NameChange change{.index = applied_, .from = event.file, .to = "", .created = {}};
  if (const auto* rename = std::get_if<DiskEvent::Rename>(&event.what)) change.to = rename->to;
  if (std::holds_alternative<DiskEvent::Create>(event.what)) {
    change = {.index = applied_, .from = "", .to = event.file, .created = files_.size()};
    files_.emplace_back();
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
  if (named == names_.end()) return sync_folder(name, begun_at);
  File& file = files_[named->second];
  take_covered(file.pending,
               [&file](const Change& change) { apply_to(file.durable, change.event); });
}

// A rename from one folder to another is one entry of the journal, and is where the file went.
void DiskImage::sync_folder(const std::string& folder, std::size_t begun_at) {
  std::erase_if(pending_names_, [&](const NameChange& change) {
    const bool is_covered =
        change.index < begun_at && folder_of(change.to.empty() ? change.from : change.to) == folder;
    if (is_covered) apply_to(durable_names_, change);
    return is_covered;
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
  if (change.created.has_value()) {
    names[change.to] = *change.created;
    return;
  }
  const auto from = names.find(change.from);
  if (from == names.end()) return;
  if (!change.to.empty()) names[change.to] = from->second;
  names.erase(change.from);
}

// What was not synced survives as a whole, or sector by sector. Changes of size come in their order
// and are kept, as a journal keeps them, since what a write has lost is zeros then and no hole.
DiskImage::Bytes DiskImage::surviving(const File& file, Luck luck, std::mt19937& random) {
  Bytes bytes = file.durable;
  if (luck == Luck::kNothingElse) return bytes;
  for (const Change& change : file.pending) {
    const auto* write = std::get_if<DiskEvent::Write>(&change.event.what);
    if (write == nullptr || luck == Luck::kEverything) {
      apply_to(bytes, change.event);
      continue;
    }
    for (std::size_t at = 0; at < write->content.size(); at += kSectorBytes) {
      if (random() % 2 == 0) continue;
      const auto sector =
          std::span(write->content).subspan(at, std::min(kSectorBytes, write->content.size() - at));
      apply_to(bytes, {change.event.file,
                       DiskEvent::Write{write->offset + at, {sector.begin(), sector.end()}}});
    }
  }
  return bytes;
}

void DiskImage::write_to(const std::string& directory, Luck luck, std::mt19937& random) const {
  std::size_t surviving_names = 0;
  if (luck == Luck::kEverything) surviving_names = pending_names_.size();
  if (luck == Luck::kChance) surviving_names = random() % (pending_names_.size() + 1);
  Names names = durable_names_;
  for (std::size_t i = 0; i < surviving_names; ++i) apply_to(names, pending_names_[i]);
  for (const auto& [name, id] : names) {
    const Bytes bytes = surviving(files_[id], luck, random);
    if (folder_of(name) != ".") {
      std::filesystem::create_directories(directory + "/" + folder_of(name));
    }
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

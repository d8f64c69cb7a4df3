#include "server/wal/set_aside.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <system_error>
#include <tuple>
#include <utility>
#include <vector>

#include "runtime/durable_file.h"
#include "runtime/errors.h"
#include "runtime/fd.h"
#include "runtime/file.h"
#include "runtime/format.h"
#include "runtime/log.h"
#include "server/wal/names.h"

namespace server::wal {

namespace {

using runtime::format;
using runtime::OpenMode;
using runtime::Result;

constexpr std::size_t kPieceBytes = 1 << 20;

// An open file, for the functions that want its path too.
struct File {
  std::string path;
  runtime::UniqueFd fd;

  Result<std::size_t> read(std::uint64_t offset, std::span<std::byte> buffer) const {
    return runtime::read_at(fd, path, offset, buffer);
  }
};

bool is_missing(const runtime::Error& error) { return error.kind == &runtime::kFileMissing; }

bool exists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

// Without the zeros that it ends in, which may be very many.
std::size_t size_without_zeros(std::span<const std::byte> bytes) {
  static constexpr std::array<std::byte, 4096> kZeros{};
  while (bytes.size() >= kZeros.size() &&
         std::memcmp(bytes.last(kZeros.size()).data(), kZeros.data(), kZeros.size()) == 0) {
    bytes = bytes.first(bytes.size() - kZeros.size());
  }
  while (!bytes.empty() && bytes.back() == std::byte{0}) bytes = bytes.first(bytes.size() - 1);
  return bytes.size();
}

// Where the last byte from `offset` on ends that is not zero; `offset` if there is none.
Result<std::uint64_t> end_of_content(const File& file, std::uint64_t offset) {
  std::vector<std::byte> piece(kPieceBytes);
  std::uint64_t end = offset;
  for (;;) {
    const std::size_t size = TRY(file.read(offset, piece));
    if (size == 0) return end;
    if (const std::size_t content = size_without_zeros(std::span(piece).first(size)); content > 0) {
      end = offset + content;
    }
    offset += size;
  }
}

Result<void> write_all(const File& to, std::uint64_t at, std::span<const std::byte> content) {
  while (!content.empty()) {
    const std::size_t written = TRY(runtime::write_some_at(to.fd, to.path, at, content));
    at += written;
    content = content.subspan(written);
  }
  return {};
}

Result<void> copy(const File& from, std::uint64_t begin, std::uint64_t end, const File& to) {
  std::vector<std::byte> piece(kPieceBytes);
  for (std::uint64_t at = begin; at < end;) {
    const auto wanted = std::span(piece).first(std::min<std::uint64_t>(piece.size(), end - at));
    const std::size_t size = TRY(from.read(at, wanted));
    if (size == 0) break;
    TRY(write_all(to, at - begin, wanted.first(size)));
    at += size;
  }
  return runtime::sync_file(to.fd, to.path, runtime::SyncWhat::kAll);
}

// Whether a file has these bytes of `from`, and no others. A start that ends before it has cut them
// from the segment finds them again at the next.
Result<bool> is_copy(const File& from, std::uint64_t begin, std::uint64_t end,
                     const std::string& path) {
  auto fd = TRY(runtime::open_for_reading(path));
  const File other{path, std::move(fd)};
  std::vector<std::byte> ours(kPieceBytes);
  std::vector<std::byte> theirs(kPieceBytes);
  for (std::uint64_t at = begin;;) {
    const auto wanted = std::min<std::uint64_t>(kPieceBytes, end - at);
    const std::size_t size = TRY(from.read(at, std::span(ours).first(wanted)));
    const std::size_t there = TRY(other.read(at - begin, theirs));
    if (there == 0 || size == 0) return there == size;
    if (there != size || std::memcmp(ours.data(), theirs.data(), size) != 0) return false;
    at += size;
  }
}

// A file that is set aside is named for a segment and an offset.
std::optional<FileName> segment_of(const std::string& entry) {
  const std::size_t dot = entry.find('.');
  return dot == std::string::npos ? std::nullopt : parse_file_name(entry.substr(0, dot));
}

// Of two files that were written at the same time, the one whose WAL comes first is the older: the
// names have the position behind the timeline's eight digits.
void sort_by_age(const std::string& folder, std::vector<std::string>& entries) {
  using Age = std::tuple<std::filesystem::file_time_type, std::string, std::string>;
  std::vector<Age> ages;
  for (const std::string& entry : entries) {
    constexpr std::size_t kTimelineDigits = 8;
    std::error_code missing;  // then it is as old as can be
    ages.emplace_back(std::filesystem::last_write_time(folder + "/" + entry, missing),
                      entry.substr(kTimelineDigits), entry);
  }
  std::sort(ages.begin(), ages.end());
  std::transform(ages.begin(), ages.end(), entries.begin(),
                 [](const Age& age) { return std::get<2>(age); });
}

}  // namespace

// What an earlier start has set aside stays; this is the name for what is found the nth time.
std::string SetAside::path_of(const std::string& segment, std::uint32_t offset, int found) const {
  const std::string first = format("{}/{}.{:08X}", folder_, segment, offset);
  return found == 1 ? first : format("{}.{}", first, found);
}

// Most spools never need the folder.
Result<void> SetAside::take_segment(TimelineId timeline, SegmentNo no, SegmentSize size) const {
  const std::string from = spool_.segment_path(timeline, no, size);
  const std::string name = segment_name(timeline, no, size);
  int found = 1;
  while (exists(path_of(name, 0, found))) ++found;
  const std::string to = path_of(name, 0, found);
  auto moved = runtime::rename_file(from, to);
  if (!moved && is_missing(moved.error())) {
    if (!exists(from)) return {};
    TRY(runtime::create_private_directory(folder_));
    moved = runtime::rename_file(from, to);
  }
  if (moved) runtime::log::log("what was found behind the end of WAL is now \"{}\"", to);
  return moved;
}

Result<void> SetAside::take_rest(TimelineId timeline, SegmentNo no, SegmentSize size,
                                 std::uint32_t offset) const {
  std::string path = spool_.segment_path(timeline, no, size);
  auto segment = TRY(runtime::open_for_reading(path));
  const File from{std::move(path), std::move(segment)};
  const std::uint64_t end = TRY(end_of_content(from, offset));
  if (end == offset) return {};
  TRY(runtime::create_private_directory(folder_));
  const std::string name = segment_name(timeline, no, size);
  int found = 1;
  for (; exists(path_of(name, offset, found)); ++found) {
    const bool has_it = TRY(is_copy(from, offset, end, path_of(name, offset, found)));
    if (has_it) return sync();
  }
  const std::string kept = path_of(name, offset, found);
  const std::string temporary = kept + std::string(runtime::kTemporarySuffix);
  auto empty = TRY(runtime::open_for_writing(temporary, OpenMode::kEmpty));
  const File to{temporary, std::move(empty)};
  if (auto copied = copy(from, offset, end, to); !copied) {
    static_cast<void>(runtime::unlink_file(temporary));  // the first error says more
    return copied;
  }
  TRY(runtime::rename_file(temporary, kept));
  runtime::log::log("what was found behind the end of WAL is now \"{}\"", kept);
  return sync();
}

Result<void> SetAside::sync() const {
  auto entries = runtime::list_directory(folder_);
  if (!entries && is_missing(entries.error())) return {};
  if (!entries) return std::move(entries).error();
  std::erase_if(*entries, [](const std::string& entry) { return !segment_of(entry); });
  if (entries->size() > kFilesMax) sort_by_age(folder_, *entries);
  const std::size_t excess = entries->size() - std::min(entries->size(), kFilesMax);
  for (const std::string& entry : std::span(*entries).first(excess)) {
    TRY(runtime::unlink_file(folder_ + "/" + entry));
  }
  TRY(runtime::sync_path(folder_));
  return runtime::sync_path(spool_.path());
}

Result<void> SetAside::remove_before(SegmentNo keep_from, const TimelineHistory& history,
                                     SegmentSize size) const {
  auto entries = runtime::list_directory(folder_);
  if (!entries && is_missing(entries.error())) return {};
  if (!entries) return std::move(entries).error();
  for (const std::string& entry : *entries) {
    const auto name = segment_of(entry);
    const auto no = name ? name->segment(size) : std::nullopt;
    if (!no || *no >= keep_from || history.file_timeline(*no, size) != name->timeline) continue;
    TRY(runtime::unlink_file(folder_ + "/" + entry));
  }
  return {};
}

}  // namespace server::wal

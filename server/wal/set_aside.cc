#include "server/wal/set_aside.h"

#include <algorithm>
#include <optional>
#include <span>
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

// Where the last byte from `offset` on ends that is not zero; `offset` if there is none.
Result<std::uint64_t> end_of_content(const File& file, std::uint64_t offset) {
  std::vector<std::byte> piece(kPieceBytes);
  std::uint64_t end = offset;
  for (;;) {
    const std::size_t size = TRY(file.read(offset, piece));
    if (size == 0) return end;
    const auto last = std::find_if(piece.rend() - static_cast<std::ptrdiff_t>(size), piece.rend(),
                                   [](std::byte byte) { return byte != std::byte{0}; });
    if (last != piece.rend()) end = offset + static_cast<std::uint64_t>(piece.rend() - last);
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

// What is set aside is named for a segment and an offset.
std::optional<FileName> segment_of(const std::string& entry) {
  const std::size_t dot = entry.find('.');
  return dot == std::string::npos ? std::nullopt : parse_file_name(entry.substr(0, dot));
}

}  // namespace

std::string SetAside::path_of(const std::string& segment, std::uint32_t offset) const {
  return format("{}/{}.{:08X}", folder_, segment, offset);
}

Result<void> SetAside::take_segment(TimelineId timeline, SegmentNo no, SegmentSize size) const {
  TRY(runtime::create_private_directory(folder_));
  const std::string to = path_of(segment_name(timeline, no, size), 0);
  auto moved = runtime::rename_file(spool_.segment_path(timeline, no, size), to);
  if (!moved && is_missing(moved.error())) return {};
  if (moved) runtime::log::log("what was found behind the end of WAL is now \"{}\"", to);
  return moved;
}

Result<void> SetAside::take_rest(TimelineId timeline, SegmentNo no, SegmentSize size,
                                 std::uint32_t offset) const {
  const std::string path = spool_.segment_path(timeline, no, size);
  const File from{path, TRY(runtime::open_for_reading(path))};
  const std::uint64_t end = TRY(end_of_content(from, offset));
  if (end == offset) return {};
  TRY(runtime::create_private_directory(folder_));
  const std::string kept = path_of(segment_name(timeline, no, size), offset);
  const std::string temporary = kept + std::string(runtime::kTemporarySuffix);
  const File to{temporary, TRY(runtime::open_for_writing(temporary, OpenMode::kEmpty))};
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
  std::sort(entries->begin(), entries->end());
  const std::size_t excess = entries->size() - std::min(entries->size(), kFilesMax);
  for (const std::string& entry : std::span(*entries).first(excess)) {
    TRY(runtime::unlink_file(folder_ + "/" + entry));
  }
  TRY(runtime::sync_path(folder_));
  return runtime::sync_path(spool_.path());
}

Result<void> SetAside::remove_before(SegmentNo keep_from, SegmentSize size) const {
  auto entries = runtime::list_directory(folder_);
  if (!entries && is_missing(entries.error())) return {};
  if (!entries) return std::move(entries).error();
  for (const std::string& entry : *entries) {
    const auto name = segment_of(entry);
    const auto no = name ? name->segment(size) : std::nullopt;
    if (no && *no < keep_from) TRY(runtime::unlink_file(folder_ + "/" + entry));
  }
  return {};
}

}  // namespace server::wal

#include "server/wal/durable.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <string_view>

#include "runtime/errors.h"
#include "runtime/format.h"
#include "runtime/system_call.h"
#include "server/wal/files.h"
#include "server/wal/names.h"

namespace server::wal {

using runtime::format;
using runtime::Result;

namespace {

constexpr mode_t kFileMode = 0600;  // PG_FILE_MODE_OWNER
constexpr std::string_view kTemporarySuffix = ".tmp";

std::string folder_of(const std::string& path) {
  return std::filesystem::path(path).parent_path().string();
}

Result<void> write_new(const std::string& path, std::span<const std::byte> content) {
  const runtime::UniqueFd file(runtime::retry_on_signal(
      [&] { return ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, kFileMode); }));
  if (!file) return runtime::fail_call("create file", path);
  while (!content.empty()) {
    const ssize_t written = runtime::retry_on_signal(
        [&] { return ::write(file.get(), content.data(), content.size()); });
    if (written < 0) return runtime::fail_call("write to file", path);
    content = content.subspan(static_cast<std::size_t>(written));
  }
  return sync_file(path);
}

// None if the file is no segment.
std::optional<SegmentNo> segment_of(const std::string& file, SegmentSize segment_size) {
  const auto name = parse_file_name(file);
  if (!name || name->kind != FileName::Kind::kSegment) return std::nullopt;
  return name->segment(segment_size);
}

}  // namespace

Result<void> sync_file(const std::string& path, SyncWhat what) {
  return sync_file(TRY(open_for_reading(path)), path, what);
}

Result<void> sync_file(const runtime::UniqueFd& file, const std::string& path, SyncWhat what) {
  const auto sync = what == SyncWhat::kData ? ::fdatasync : ::fsync;
  if (runtime::retry_on_signal([&] { return sync(file.get()); }) != 0)
    return runtime::fail_call("fsync file", path);
  return {};
}

Result<void> sync_files(const std::string& directory) {
  for (const std::string& name : TRY(list_directory(directory))) {
    if (!parse_file_name(name)) continue;
    TRY(sync_file(directory + "/" + name));
  }
  return sync_file(directory);
}

Result<void> drop_cached(const std::string& path) {
  const runtime::UniqueFd file = TRY(open_for_reading(path));
  if (const int failed = ::posix_fadvise(file.get(), 0, 0, POSIX_FADV_DONTNEED); failed != 0) {
    return runtime::system_error(failed, format("could not read file \"{}\" again", path));
  }
  return {};
}

Result<void> write_file(const std::string& path, std::span<const std::byte> content) {
  const std::string temporary = path + std::string(kTemporarySuffix);
  if (auto written = write_new(temporary, content); !written) {
    ::unlink(temporary.c_str());
    return written;
  }
  if (::rename(temporary.c_str(), path.c_str()) != 0) {
    const int sys_errno = errno;
    return runtime::system_error(sys_errno,
                                 format("could not rename file \"{}\" to \"{}\"", temporary, path));
  }
  return sync_file(folder_of(path));
}

Result<std::optional<SegmentNo>> oldest_segment(const std::string& directory,
                                                SegmentSize segment_size) {
  std::optional<SegmentNo> oldest;
  for (const std::string& file : TRY(list_directory(directory))) {
    const auto no = segment_of(file, segment_size);
    if (no && (!oldest || *no < *oldest)) oldest = no;
  }
  return oldest;
}

Result<std::vector<SegmentNo>> remove_segments(const std::string& directory,
                                               SegmentSize segment_size, SegmentNo keep_from) {
  std::vector<SegmentNo> removed;
  for (const std::string& file : TRY(list_directory(directory))) {
    const auto no = segment_of(file, segment_size);
    if (!no || *no >= keep_from) continue;
    const std::string path = directory + "/" + file;
    if (::unlink(path.c_str()) != 0 && errno != ENOENT)
      return runtime::fail_call("remove file", path);
    removed.push_back(*no);
  }
  return removed;
}

}  // namespace server::wal

#include "server/wal/files.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <string_view>
#include <utility>

#include "runtime/errors.h"
#include "runtime/format.h"
#include "runtime/system_call.h"
#include "server/wal/names.h"

namespace server::wal {

runtime::Result<runtime::UniqueFd> open_for_reading(const std::string& path) {
  runtime::UniqueFd file(
      runtime::retry_on_signal([&] { return ::open(path.c_str(), O_RDONLY | O_CLOEXEC); }));
  if (!file) return runtime::fail_call("open file", path);
  return file;
}

runtime::Result<std::uint64_t> free_bytes(const std::string& directory) {
  struct statvfs status {};
  if (runtime::retry_on_signal([&] { return ::statvfs(directory.c_str(), &status); }) != 0) {
    return runtime::fail_call("stat file system", directory);
  }
  return std::uint64_t{status.f_bavail} * status.f_frsize;
}

bool is_full_disk(const runtime::Error& error) {
  return error.sys_errno == ENOSPC || error.sys_errno == EDQUOT;
}

bool is_out_of_resources(const runtime::Error& error) {
  return error.sys_errno == EMFILE || error.sys_errno == ENFILE || error.sys_errno == ENOMEM;
}

runtime::Result<runtime::UniqueFd> lock_directory(const std::string& path) {
  runtime::UniqueFd directory = TRY(open_for_reading(path));
  if (::flock(directory.get(), LOCK_EX | LOCK_NB) == 0) return directory;
  if (errno != EWOULDBLOCK) return runtime::fail_call("lock directory", path);
  return runtime::Error{.kind = &runtime::kLockFileExists,
                        .what = runtime::format("directory \"{}\" is already in use", path),
                        .hint = "Is another server running with this directory?"};
}

runtime::Result<runtime::UniqueFd> open_segment_file(const std::string& path) {
  const auto is_missing = [](const auto& file) {
    return !file && file.error().kind == &runtime::kFileMissing;
  };
  auto file = open_for_reading(path);
  if (is_missing(file)) file = open_for_reading(path + std::string(kPartialSuffix));
  // pg_receivewal may have renamed the file between the two looks.
  if (is_missing(file)) file = open_for_reading(path);
  return file;
}

runtime::Result<std::size_t> read_at(const runtime::UniqueFd& file, const std::string& path,
                                     std::uint64_t offset, std::span<std::byte> buffer) {
  std::size_t size = 0;
  while (size < buffer.size()) {
    const ssize_t got = ::pread(file.get(), buffer.data() + size, buffer.size() - size,
                                static_cast<off_t>(offset + size));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return runtime::fail_call("read file", path);
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  return size;
}

runtime::Result<std::string> read_text(const std::string& path, std::size_t bytes_max) {
  const auto file = TRY(open_for_reading(path));
  std::string text(bytes_max + 1, '\0');
  const auto size = TRY(read_at(file, path, 0, std::as_writable_bytes(std::span(text))));
  if (size > bytes_max) {
    return runtime::Error{
        .kind = &runtime::kNoResources,
        .what = runtime::format("file \"{}\" is larger than {} bytes", path, bytes_max)};
  }
  text.resize(size);
  return text;
}

runtime::Result<std::vector<std::string>> list_directory(const std::string& path) {
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(::opendir(path.c_str()), ::closedir);
  if (!directory) return runtime::fail_call("open directory", path);
  std::vector<std::string> names;
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(directory.get());
    if (entry == nullptr) break;
    names.emplace_back(entry->d_name);
  }
  if (errno != 0) return runtime::fail_call("read directory", path);
  return names;
}

}  // namespace server::wal

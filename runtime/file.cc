#include "runtime/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <memory>
#include <utility>

#include "runtime/check.h"
#include "runtime/errors.h"
#include "runtime/format.h"
#include "runtime/probes.h"
#include "runtime/process.h"
#include "runtime/system_call.h"

namespace runtime {

namespace {

int flags_of(OpenMode mode) {
  switch (mode) {
    case OpenMode::kExisting:
      return 0;
    case OpenMode::kNew:
      return O_CREAT | O_EXCL;
    case OpenMode::kEmpty:
      return O_CREAT | O_TRUNC;
  }
  UNREACHABLE();
}

// A link in its place is not followed.
constexpr int kLockFlags = O_RDWR | O_CLOEXEC | O_NOFOLLOW;

std::string lock_file_of(const std::string& directory) {
  return format("{}/{}", directory, kLockFileName);
}

}  // namespace

Result<UniqueFd> open_for_reading(const std::string& path) {
  // A pipe that bears the name of a file would keep the thread here until something writes to it.
  const int flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK;
  UniqueFd file(retry_on_signal([&] { return ::open(path.c_str(), flags); }));
  if (!file) return fail_call("open file", path);
  return file;
}

Result<UniqueFd> open_for_writing(const std::string& path, OpenMode mode) {
  const int flags = O_RDWR | O_CLOEXEC | flags_of(mode);
  UniqueFd file(retry_on_signal([&] { return ::open(path.c_str(), flags, mode_of_new_files()); }));
  if (!file) return fail_call(mode == OpenMode::kExisting ? "open file" : "create file", path);
  return file;
}

Result<std::size_t> read_at(const UniqueFd& file, const std::string& path, std::uint64_t offset,
                            std::span<std::byte> buffer) {
  std::size_t size = 0;
  while (size < buffer.size()) {
    const ssize_t got = retry_on_signal([&] {
      return ::pread(file.get(), buffer.data() + size, buffer.size() - size,
                     static_cast<off_t>(offset + size));
    });
    if (got < 0) return fail_call("read file", path);
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  return size;
}

Result<std::size_t> write_some_at(const UniqueFd& file, const std::string& path,
                                  std::uint64_t offset, std::span<const std::byte> content) {
  DCHECK(!content.empty());
  const ssize_t written = retry_on_signal([&] {
    return ::pwrite(file.get(), content.data(), content.size(), static_cast<off_t>(offset));
  });
  if (written < 0) return fail_call("write to file", path);
  return static_cast<std::size_t>(written);
}

Result<void> truncate_file(const UniqueFd& file, const std::string& path, std::uint64_t size) {
  const auto truncate = [&] { return ::ftruncate(file.get(), static_cast<off_t>(size)); };
  if (retry_on_signal(truncate) != 0) return fail_call("truncate file", path);
  return {};
}

Result<void> allocate_file(const UniqueFd& file, const std::string& path, std::uint64_t size) {
  const auto length = static_cast<off_t>(size);
  int failed = retry_on_signal([&] { return ::fallocate(file.get(), 0, 0, length); });
  if (failed != 0 && errno == EOPNOTSUPP) {
    failed = retry_on_signal([&] { return ::ftruncate(file.get(), length); });
  }
  if (failed != 0) return fail_call("write to file", path);
  return {};
}

Result<void> sync_file(const UniqueFd& file, const std::string& path, SyncWhat what) {
  const auto sync = [&] {
    return what == SyncWhat::kData ? ::fdatasync(file.get()) : ::fsync(file.get());
  };
  probes::fsync_begin(file.get(), path.c_str());
  const int failed = retry_on_signal(sync);
  probes::fsync_end(file.get(), path.c_str());
  if (failed != 0) return fail_call("fsync file", path);
  return {};
}

Result<void> sync_path(const std::string& path) {
  return sync_file(TRY(open_for_reading(path)), path, SyncWhat::kAll);
}

Result<void> drop_cached(const std::string& path) {
  const UniqueFd file = TRY(open_for_reading(path));
  if (const int failed = ::posix_fadvise(file.get(), 0, 0, POSIX_FADV_DONTNEED); failed != 0) {
    return system_error(failed, format("could not read file \"{}\" again", path));
  }
  return {};
}

Result<std::string> read_text(const std::string& path, std::size_t bytes_max) {
  const auto file = TRY(open_for_reading(path));
  std::string text(bytes_max + 1, '\0');
  const auto size = TRY(read_at(file, path, 0, std::as_writable_bytes(std::span(text))));
  if (size > bytes_max) {
    return Error{.kind = &kNoResources,
                 .what = format("file \"{}\" is larger than {} bytes", path, bytes_max)};
  }
  text.resize(size);
  return text;
}

Result<void> rename_file(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) == 0) return {};
  const int sys_errno = errno;
  return system_error(sys_errno, format("could not rename file \"{}\" to \"{}\"", from, to));
}

Result<void> unlink_file(const std::string& path) {
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return fail_call("remove file", path);
  return {};
}

Result<void> create_private_directory(const std::string& path) {
  if (::mkdir(path.c_str(), mode_of_new_directories()) == 0) return sync_parent(path);
  const int sys_errno = errno;
  if (sys_errno == EEXIST) {
    // The process that made it may have been killed before it was durable. One of other users
    // may lie in one that may not be read; and it is for its reader to say that it is a file.
    auto synced = sync_parent(path);
    const ErrorKind* const kind = synced ? nullptr : synced.error().kind;
    return kind == &kNoPermission || kind == &kWrongObjectType ? Result<void>() : synced;
  }
  Error error = system_error(sys_errno, format("could not create directory \"{}\"", path));
  if (sys_errno == ENOENT) {
    error.hint = "The directory above it must exist. Is a file system not mounted?";
  }
  return error;
}

Result<void> sync_parent(const std::string& path) { return sync_path(path + "/.."); }

Result<std::vector<std::string>> list_directory(const std::string& path) {
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(::opendir(path.c_str()), ::closedir);
  if (!directory) return fail_call("open directory", path);
  std::vector<std::string> names;
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(directory.get());
    if (entry == nullptr) break;
    names.emplace_back(entry->d_name);
  }
  if (errno != 0) return fail_call("read directory", path);
  return names;
}

Result<UniqueFd> lock_directory(const std::string& path) {
  const std::string name = lock_file_of(path);
  const auto open = [&name](int flags) {
    return UniqueFd(retry_on_signal([&] { return ::open(name.c_str(), flags, 0600); }));
  };
  UniqueFd file = open(kLockFlags);  // a full disk has it
  if (!file && errno == ENOENT) file = open(kLockFlags | O_CREAT);
  if (!file) return fail_call("open file", name);
  if (::fchmod(file.get(), 0600) != 0) return fail_call("set permissions of file", name);
  if (retry_on_signal([&] { return ::flock(file.get(), LOCK_EX | LOCK_NB); }) == 0) return file;
  if (errno != EWOULDBLOCK) return fail_call("lock file", name);
  return Error{.kind = &kLockFileExists,
               .what = format("directory \"{}\" is already in use", path),
               .hint = "Is another server running with this directory?"};
}

Result<bool> is_locked(const std::string& path) {
  const std::string name = lock_file_of(path);
  const UniqueFd file(retry_on_signal([&] { return ::open(name.c_str(), kLockFlags); }));
  if (!file && errno == ENOENT) return false;
  if (!file) return fail_call("open file", name);
  if (retry_on_signal([&] { return ::flock(file.get(), LOCK_SH | LOCK_NB); }) == 0) return false;
  if (errno != EWOULDBLOCK) return fail_call("lock file", name);
  return true;
}

Result<std::uint64_t> free_bytes(const std::string& directory) {
  struct statvfs status {};
  if (retry_on_signal([&] { return ::statvfs(directory.c_str(), &status); }) != 0) {
    return fail_call("stat file system", directory);
  }
  return std::uint64_t{status.f_bavail} * status.f_frsize;
}

Result<std::uint64_t> file_system_bytes(const std::string& directory) {
  struct statvfs status {};
  if (retry_on_signal([&] { return ::statvfs(directory.c_str(), &status); }) != 0) {
    return fail_call("stat file system", directory);
  }
  return std::uint64_t{status.f_blocks} * status.f_frsize;
}

bool is_full_disk(const Error& error) {
  return error.sys_errno == ENOSPC || error.sys_errno == EDQUOT;
}

bool is_out_of_resources(const Error& error) {
  return error.sys_errno == EMFILE || error.sys_errno == ENFILE || error.sys_errno == ENOMEM;
}

}  // namespace runtime

#include "tests/support/disk_calls.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <filesystem>

#include "runtime/check.h"

namespace tests {

namespace {

std::atomic<DiskHook*> current = nullptr;
thread_local bool within_hook = false;

std::string path_of(int fd) {
  std::error_code ignored;
  return std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(fd), ignored);
}

bool is_hooked() { return current.load() != nullptr && !within_hook; }

// Whether the call is to fail; errno is set then.
bool fails(DiskCall call) {
  const int sys_errno = DiskHook::ask(std::move(call));
  if (sys_errno == 0) return false;
  errno = sys_errno;
  return true;
}

// Makes the call, unless it is to fail. `describe` makes the DiskCall; it costs nothing without a
// hook.
template <typename Describe, typename Make>
auto hooked(Describe describe, Make make) -> decltype(make()) {
  if (!is_hooked()) return make();
  DiskCall call = describe();
  if (fails(call)) return -1;
  const auto result = make();
  const int saved = errno;
  call.succeeded = result >= 0;
  if (call.succeeded && call.name == "pwrite") {
    call.content = call.content.first(static_cast<std::size_t>(result));
  }
  DiskHook::tell(std::move(call));
  errno = saved;
  return result;
}

}  // namespace

DiskHook::DiskHook(std::string directory, Before before, After after)
    : directory_(std::move(directory)), before_(std::move(before)), after_(std::move(after)) {
  CHECK(current.exchange(this) == nullptr);
}

DiskHook::~DiskHook() { current.store(nullptr); }

bool DiskHook::make_relative(DiskCall& call) const {
  if (!call.file.starts_with(directory_)) return false;
  const auto relative = [this](const std::string& path) {
    const std::string rest = path.substr(std::min(path.size(), directory_.size()));
    return rest.empty() ? "." : rest.substr(1);
  };
  call.file = relative(call.file);
  if (!call.to.empty()) call.to = relative(call.to);
  return true;
}

int DiskHook::ask(DiskCall call) {
  const DiskHook* const hook = current.load();
  if (hook == nullptr || within_hook || !hook->before_ || !hook->make_relative(call)) return 0;
  within_hook = true;
  const int sys_errno = hook->before_(call);
  within_hook = false;
  return sys_errno;
}

void DiskHook::tell(DiskCall call) {
  const DiskHook* const hook = current.load();
  if (hook == nullptr || within_hook || !hook->after_ || !hook->make_relative(call)) return;
  within_hook = true;
  hook->after_(call);
  within_hook = false;
}

}  // namespace tests

// NOLINTBEGIN: the names are the linker's.
extern "C" {

int __real_open(const char* path, int flags, ...);
int __real_stat(const char* path, struct stat* status);
ssize_t __real_pread(int fd, void* buffer, size_t size, off_t offset);
ssize_t __real_pwrite(int fd, const void* buffer, size_t size, off_t offset);
int __real_ftruncate(int fd, off_t size);
int __real_fallocate(int fd, int mode, off_t offset, off_t size);
int __real_fsync(int fd);
int __real_fdatasync(int fd);
int __real_posix_fadvise(int fd, off_t offset, off_t size, int advice);
int __real_rename(const char* from, const char* to);
int __real_unlink(const char* path);
int __real_mkdir(const char* path, mode_t mode);

using tests::DiskCall;
using tests::hooked;
using tests::path_of;

int __wrap_open(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(arguments, mode_t) : 0;
  va_end(arguments);
  return hooked([&] { return DiskCall{.name = "open", .file = path, .flags = flags}; },
                [&] { return __real_open(path, flags, mode); });
}

int __wrap_stat(const char* path, struct stat* status) {
  return hooked([&] { return DiskCall{.name = "stat", .file = path}; },
                [&] { return __real_stat(path, status); });
}

ssize_t __wrap_pread(int fd, void* buffer, size_t size, off_t offset) {
  return hooked([&] { return DiskCall{.name = "pread", .file = path_of(fd)}; },
                [&] { return __real_pread(fd, buffer, size, offset); });
}

ssize_t __wrap_pwrite(int fd, const void* buffer, size_t size, off_t offset) {
  return hooked(
      [&] {
        return DiskCall{.name = "pwrite",
                        .file = path_of(fd),
                        .offset = static_cast<std::uint64_t>(offset),
                        .content = {static_cast<const std::byte*>(buffer), size}};
      },
      [&] { return __real_pwrite(fd, buffer, size, offset); });
}

int __wrap_ftruncate(int fd, off_t size) {
  return hooked(
      [&] {
        return DiskCall{
            .name = "ftruncate", .file = path_of(fd), .size = static_cast<std::uint64_t>(size)};
      },
      [&] { return __real_ftruncate(fd, size); });
}

int __wrap_fallocate(int fd, int mode, off_t offset, off_t size) {
  return hooked(
      [&] {
        return DiskCall{.name = "fallocate",
                        .file = path_of(fd),
                        .size = static_cast<std::uint64_t>(offset + size)};
      },
      [&] { return __real_fallocate(fd, mode, offset, size); });
}

int __wrap_fsync(int fd) {
  return hooked([&] { return DiskCall{.name = "fsync", .file = path_of(fd)}; },
                [&] { return __real_fsync(fd); });
}

int __wrap_fdatasync(int fd) {
  return hooked([&] { return DiskCall{.name = "fdatasync", .file = path_of(fd)}; },
                [&] { return __real_fdatasync(fd); });
}

// Returns its error instead of setting errno.
int __wrap_posix_fadvise(int fd, off_t offset, off_t size, int advice) {
  int failed = 0;
  const auto make = [&] { return -(failed = __real_posix_fadvise(fd, offset, size, advice)); };
  const auto describe = [&] { return DiskCall{.name = "fadvise", .file = path_of(fd)}; };
  return hooked(describe, make) == 0 ? 0 : failed != 0 ? failed : errno;
}

int __wrap_rename(const char* from, const char* to) {
  return hooked([&] { return DiskCall{.name = "rename", .file = from, .to = to}; },
                [&] { return __real_rename(from, to); });
}

int __wrap_unlink(const char* path) {
  return hooked([&] { return DiskCall{.name = "unlink", .file = path}; },
                [&] { return __real_unlink(path); });
}

int __wrap_mkdir(const char* path, mode_t mode) {
  return hooked([&] { return DiskCall{.name = "mkdir", .file = path}; },
                [&] { return __real_mkdir(path, mode); });
}

}  // extern "C"
// NOLINTEND

#include "tests/slot/disk_calls.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <filesystem>
#include <utility>

#include "runtime/check.h"

namespace tests {

namespace {

thread_local DiskHook* current = nullptr;

std::string path_of(int fd) {
  std::error_code ignored;
  return std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(fd), ignored);
}

// Whether the call is to fail; errno is set then.
bool fails(std::string_view name, const std::string& path) {
  if (current == nullptr) return false;
  const int sys_errno = DiskHook::ask(name, path);
  if (sys_errno == 0) return false;
  errno = sys_errno;
  return true;
}

}  // namespace

DiskHook::DiskHook(std::string directory, Function function)
    : directory_(std::move(directory)), function_(std::move(function)) {
  CHECK(current == nullptr);
  current = this;
}

DiskHook::~DiskHook() { current = nullptr; }

int DiskHook::ask(std::string_view name, const std::string& path) {
  DiskHook& hook = *current;
  if (hook.asking_ || !path.starts_with(hook.directory_)) return 0;
  const std::string rest = path.substr(hook.directory_.size());
  hook.asking_ = true;
  const int sys_errno = hook.function_({name, rest.empty() ? "." : rest.substr(1)});
  hook.asking_ = false;
  return sys_errno;
}

}  // namespace tests

// NOLINTBEGIN: the names are the linker's.
extern "C" {

int __real_open(const char* path, int flags, ...);
ssize_t __real_pread(int fd, void* buffer, size_t size, off_t offset);
ssize_t __real_pwrite(int fd, const void* buffer, size_t size, off_t offset);
int __real_fsync(int fd);
int __real_rename(const char* from, const char* to);
int __real_unlink(const char* path);
int __real_mkdir(const char* path, mode_t mode);

int __wrap_open(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(arguments, mode_t) : 0;
  va_end(arguments);
  return tests::fails("open", path) ? -1 : __real_open(path, flags, mode);
}

ssize_t __wrap_pread(int fd, void* buffer, size_t size, off_t offset) {
  return tests::fails("pread", tests::path_of(fd)) ? -1 : __real_pread(fd, buffer, size, offset);
}

ssize_t __wrap_pwrite(int fd, const void* buffer, size_t size, off_t offset) {
  return tests::fails("pwrite", tests::path_of(fd)) ? -1 : __real_pwrite(fd, buffer, size, offset);
}

int __wrap_fsync(int fd) {
  return tests::fails("fsync", tests::path_of(fd)) ? -1 : __real_fsync(fd);
}

int __wrap_rename(const char* from, const char* to) {
  return tests::fails("rename", from) ? -1 : __real_rename(from, to);
}

int __wrap_unlink(const char* path) {
  return tests::fails("unlink", path) ? -1 : __real_unlink(path);
}

int __wrap_mkdir(const char* path, mode_t mode) {
  return tests::fails("mkdir", path) ? -1 : __real_mkdir(path, mode);
}

}  // extern "C"
// NOLINTEND

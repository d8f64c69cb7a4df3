// Preloaded into a server, this makes calls on some of its files fail with EIO, as a broken disk
// does. WALCAST_FAULT names a file; while it holds "CALLS PREFIX", the calls of that kind fail on
// files whose path begins so:
//   sync   fsync, fdatasync
//   write  pwrite
//   read   pread
//   send   sendfile out of such a file
// "forget PREFIX" is a disk that never got a file's last page: it is in the page cache only, until
// the server has that dropped by posix_fadvise.
// "hang-write PREFIX", "hang-sync", "hang-read" and "hang-send": calls of that kind do not return
// as long as that holds; nor does stat of such a path with "hang-stat", and "hang-lookup NAME" is a
// name server that does not answer. The file of WALCAST_FAULT and ".hangs" is made when a call
// begins to wait.
// Without it, or while it is empty, every call is what it was.

#include <dlfcn.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

namespace {

constexpr std::size_t kFaultBytesMax = 4096;

template <typename Function>
Function* next(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

// The fault that is wanted now is read with open and read, which are not among the calls above.
std::string_view read_fault(char (&buffer)[kFaultBytesMax]) {
  const char* const path = std::getenv("WALCAST_FAULT");
  const int fd = path == nullptr ? -1 : ::open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return {};
  const ssize_t bytes = ::read(fd, buffer, sizeof(buffer));
  ::close(fd);
  return {buffer, bytes < 0 ? 0 : static_cast<std::size_t>(bytes)};
}

std::string_view path_of(int fd, char (&buffer)[kFaultBytesMax]) {
  char link[64];
  std::snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
  const ssize_t bytes = ::readlink(link, buffer, sizeof(buffer));
  return {buffer, bytes < 0 ? 0 : static_cast<std::size_t>(bytes)};
}

// Whether calls of that kind are to fail on what has this name.
bool is_wanted(std::string_view calls, std::string_view name) {
  char buffer[kFaultBytesMax];
  const std::string_view fault = read_fault(buffer);
  const std::size_t blank = fault.find(' ');
  return blank != std::string_view::npos && fault.substr(0, blank) == calls &&
         name.starts_with(fault.substr(blank + 1));
}

// Leaves errno as it was if the call may go on.
bool fails(std::string_view calls, int fd) {
  const int errno_before = errno;
  char buffer[kFaultBytesMax];
  const bool failing = is_wanted(calls, path_of(fd, buffer));
  errno = failing ? EIO : errno_before;
  return failing;
}

// Waits as long as such calls hang. Leaves errno as it was.
void hang(std::string_view calls, std::string_view name) {
  constexpr int kLookIntervalMs = 10;
  const int errno_before = errno;
  for (bool first = true; is_wanted(calls, name); first = false) {
    if (first) {
      const std::string sign = std::string(std::getenv("WALCAST_FAULT")) + ".hangs";
      ::close(::open(sign.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
    }
    ::poll(nullptr, 0, kLookIntervalMs);
  }
  errno = errno_before;
}

void hang(std::string_view calls, int fd) {
  char buffer[kFaultBytesMax];
  hang(calls, path_of(fd, buffer));
}

// As read back from the disk: the last page that is not zero is.
void lose_last_page(int fd) {
  constexpr off_t kPageBytes = 8192;
  char path[64];
  std::snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
  const int file = ::open(path, O_RDWR | O_CLOEXEC);
  char page[kPageBytes];
  const char zeros[kPageBytes] = {};
  for (off_t at = ::lseek(file, 0, SEEK_END) - kPageBytes; at >= 0; at -= kPageBytes) {
    if (::pread(file, page, sizeof(page), at) != kPageBytes) break;
    if (std::memcmp(page, zeros, sizeof(page)) == 0) continue;
    if (::pwrite(file, zeros, sizeof(zeros), at) != kPageBytes) std::perror("forget");
    break;
  }
  ::close(file);
}

}  // namespace

extern "C" {

int posix_fadvise(int fd, off_t offset, off_t bytes, int advice) noexcept {
  static auto* const real = next<int(int, off_t, off_t, int)>("posix_fadvise");
  if (advice == POSIX_FADV_DONTNEED && fails("forget", fd)) lose_last_page(fd);
  return real(fd, offset, bytes, advice);
}

int posix_fadvise64(int fd, off64_t offset, off64_t bytes, int advice) noexcept {
  return posix_fadvise(fd, offset, bytes, advice);
}

int fsync(int fd) {
  static auto* const real = next<int(int)>("fsync");
  hang("hang-sync", fd);
  return fails("sync", fd) ? -1 : real(fd);
}

int fdatasync(int fd) {
  static auto* const real = next<int(int)>("fdatasync");
  hang("hang-sync", fd);
  return fails("sync", fd) ? -1 : real(fd);
}

ssize_t pwrite(int fd, const void* data, std::size_t bytes, off_t offset) {
  static auto* const real = next<ssize_t(int, const void*, std::size_t, off_t)>("pwrite");
  hang("hang-write", fd);
  return fails("write", fd) ? -1 : real(fd, data, bytes, offset);
}

ssize_t pwrite64(int fd, const void* data, std::size_t bytes, off64_t offset) {
  static auto* const real = next<ssize_t(int, const void*, std::size_t, off64_t)>("pwrite64");
  hang("hang-write", fd);
  return fails("write", fd) ? -1 : real(fd, data, bytes, offset);
}

ssize_t pread(int fd, void* into, std::size_t bytes, off_t offset) {
  static auto* const real = next<ssize_t(int, void*, std::size_t, off_t)>("pread");
  hang("hang-read", fd);
  return fails("read", fd) ? -1 : real(fd, into, bytes, offset);
}

ssize_t pread64(int fd, void* into, std::size_t bytes, off64_t offset) {
  static auto* const real = next<ssize_t(int, void*, std::size_t, off64_t)>("pread64");
  hang("hang-read", fd);
  return fails("read", fd) ? -1 : real(fd, into, bytes, offset);
}

ssize_t sendfile(int to, int from, off_t* offset, std::size_t bytes) noexcept {
  static auto* const real = next<ssize_t(int, int, off_t*, std::size_t)>("sendfile");
  hang("hang-send", from);
  return fails("send", from) ? -1 : real(to, from, offset, bytes);
}

ssize_t sendfile64(int to, int from, off64_t* offset, std::size_t bytes) noexcept {
  static auto* const real = next<ssize_t(int, int, off64_t*, std::size_t)>("sendfile64");
  hang("hang-send", from);
  return fails("send", from) ? -1 : real(to, from, offset, bytes);
}

int stat(const char* path, struct stat* status) noexcept {
  static auto* const real = next<int(const char*, struct stat*)>("stat");
  hang("hang-stat", path);
  return real(path, status);
}

int getaddrinfo(const char* name, const char* service, const addrinfo* hints, addrinfo** found) {
  using Function = int(const char*, const char*, const addrinfo*, addrinfo**);
  static auto* const real = next<Function>("getaddrinfo");
  if (name != nullptr) hang("hang-lookup", name);
  return real(name, service, hints, found);
}

}  // extern "C"

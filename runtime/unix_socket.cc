#include "runtime/unix_socket.h"

#include <fcntl.h>
#include <grp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstddef>
#include <cstring>
#include <ctime>
#include <span>

#include "runtime/errors.h"
#include "runtime/file.h"
#include "runtime/format.h"

namespace runtime {

namespace {

// sun_path ends with a NUL.
constexpr std::size_t kPathBytesMax = sizeof(sockaddr_un::sun_path) - 1;

constexpr std::size_t kLockBytesMax = 8192;

struct UnixAddress {
  sockaddr_un raw{};
  socklen_t size = 0;
};

// An abstract name begins with a NUL, and has none at its end.
UnixAddress address_of(const std::string& path) {
  UnixAddress address;
  address.raw.sun_family = AF_UNIX;
  std::memcpy(address.raw.sun_path, path.data(), path.size());
  const bool is_abstract = path.front() == '@';
  if (is_abstract) address.raw.sun_path[0] = '\0';
  address.size =
      static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + (is_abstract ? 0 : 1));
  return address;
}

Error failed(std::string_view what, const std::string& path) {
  const int sys_errno = errno;
  return system_error(sys_errno, format("could not {} \"{}\"", what, path));
}

// The process that a lock file names. A postmaster's is positive, another server's process
// negative.
Result<pid_t> read_holder(const std::string& path) {
  auto read = read_text(path, kLockBytesMax);
  if (!read) {
    Error error = std::move(read).error();
    if (error.kind != &kFileMissing) error.kind = &kLockFileExists;
    return error;
  }
  const std::string& text = *read;
  if (text.empty()) {
    return Error{.kind = &kLockFileExists,
                 .what = format("lock file \"{}\" is empty", path),
                 .hint =
                     "Either another server is starting, or the lock file is the remnant of a "
                     "previous server startup crash."};
  }
  pid_t pid = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), pid);
  if (problem != std::errc() || pid == 0) {
    return Error{.kind = &kLockFileExists,
                 .what = format("bogus data in lock file \"{}\": \"{}\"", path, text)};
  }
  return pid < 0 ? -pid : pid;
}

// A process of another user counts, unlike in PostgreSQL: the directory may be one of both.
bool runs(pid_t pid) { return ::kill(pid, 0) == 0 || errno != ESRCH; }

Result<gid_t> group_id(const std::string& group) {
  gid_t id = 0;
  const auto [end, problem] = std::from_chars(group.data(), group.data() + group.size(), id);
  if (problem == std::errc() && end == group.data() + group.size()) return id;
  const ::group* const found = ::getgrnam(group.c_str());
  if (found == nullptr) {
    return Error{.kind = &kInvalidParameterValue,
                 .what = format("group \"{}\" does not exist", group)};
  }
  return found->gr_gid;
}

}  // namespace

UnixSocket::UnixSocket(const Options& options)
    : path_(format("{}/.s.PGSQL.{}", options.directory, options.port)) {}

Result<std::unique_ptr<UnixSocket>> UnixSocket::listen(const Options& options) {
  std::unique_ptr<UnixSocket> made(new UnixSocket(options));
  TRY(made->check_length());
  if (!made->is_abstract()) TRY(made->lock(options));
  TRY(made->bind_and_listen(options));
  return made;
}

Result<void> UnixSocket::look(const Options& options) {
  const UnixSocket imagined(options);
  TRY(imagined.check_length());
  if (imagined.is_abstract()) return {};
  if (::access(options.directory.c_str(), W_OK | X_OK) != 0) {
    return failed("create lock file", imagined.lock_path());
  }
  if (!options.group.empty()) TRY(group_id(options.group));
  return imagined.check_holder();
}

Result<void> UnixSocket::check_length() const {
  if (path_.size() <= kPathBytesMax) return {};
  return Error{.kind = &kInvalidParameterValue,
               .what = format("Unix-domain socket path \"{}\" is too long (maximum {} bytes)",
                              path_, kPathBytesMax)};
}

UnixSocket::~UnixSocket() {
  remove(path_, socket_file_);
  remove(lock_path(), lock_file_);
}

std::optional<UnixSocket::FileId> UnixSocket::id_of(const std::string& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) return std::nullopt;
  return FileId{.device = status.st_dev, .inode = status.st_ino};
}

void UnixSocket::remove(const std::string& path, const std::optional<FileId>& ours) {
  if (ours.has_value() && id_of(path) == ours) ::unlink(path.c_str());
}

void UnixSocket::touch() const {
  if (socket_file_.has_value()) ::utimensat(AT_FDCWD, path_.c_str(), nullptr, 0);
  if (lock_file_.has_value()) ::utimensat(AT_FDCWD, lock_path().c_str(), nullptr, 0);
}

// Of two servers that start at once and find no file, one makes it. Where both find a stale one,
// the second may remove what the first has made of it, as PostgreSQL's may.
Result<void> UnixSocket::lock(const Options& options) {
  constexpr int kAttempts = 100;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    auto file = open_for_writing(lock_path(), OpenMode::kNew);
    if (file) {
      lock_file_ = id_of(lock_path());
      return write_lock(*file, options);
    }
    if (file.error().sys_errno != EEXIST) {
      return system_error(file.error().sys_errno,
                          format("could not create lock file \"{}\"", lock_path()));
    }
    TRY(remove_stale_lock());
  }
  return Error{.kind = &kLockFileExists,
               .what = format("could not create lock file \"{}\"", lock_path())};
}

// A lock file that is not there, and one of a process that is gone, hold nothing.
Result<void> UnixSocket::check_holder() const {
  const auto holder = read_holder(lock_path());
  if (!holder && holder.error().kind == &kFileMissing) return {};
  if (!holder) return holder.error();
  if (*holder == ::getpid() || !runs(*holder)) return {};
  return Error{
      .kind = &kLockFileExists,
      .what = format("lock file \"{}\" already exists", lock_path()),
      .hint = format("Is another postmaster (PID {}) using socket file \"{}\"?", *holder, path_)};
}

Result<void> UnixSocket::remove_stale_lock() const {
  TRY(check_holder());
  if (::unlink(lock_path().c_str()) == 0 || errno == ENOENT) return {};
  Error error = failed("remove old lock file", lock_path());
  error.hint =
      "The file seems accidentally left over, but it could not be removed. Please remove the file "
      "by hand and try again.";
  return error;
}

// The lines of PostgreSQL's: the process, its directory, when it began, the port and the place.
Result<void> UnixSocket::write_lock(const UniqueFd& file, const Options& options) const {
  const std::string text =
      format("{}\n{}\n{}\n{}\n{}\n", ::getpid(), options.server_directory,
             static_cast<std::int64_t>(std::time(nullptr)), options.port, options.directory);
  const auto bytes = std::as_bytes(std::span(text));
  for (std::size_t written = 0; written < bytes.size();) {
    written += TRY(write_some_at(file, lock_path(), written, bytes.subspan(written)));
  }
  return sync_file(file, lock_path(), SyncWhat::kAll);
}

// The lock is ours, so a socket file that is there is left over.
Result<void> UnixSocket::bind_and_listen(const Options& options) {
  fd_.reset(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd_) return failed("create Unix socket for address", path_);
  if (!is_abstract()) ::unlink(path_.c_str());
  const UnixAddress address = address_of(path_);
  if (::bind(fd_.get(), reinterpret_cast<const sockaddr*>(&address.raw), address.size) != 0) {
    Error error = failed("bind Unix address", path_);
    if (error.sys_errno == EADDRINUSE) {
      error.hint = format("Is another postmaster already running on port {}?", options.port);
    }
    return error;
  }
  if (!is_abstract()) {
    socket_file_ = id_of(path_);
    TRY(set_access(options));
  }
  if (::listen(fd_.get(), options.backlog) != 0) return failed("listen on Unix address", path_);
  return {};
}

// Between bind() and this no client is let in, since the socket does not listen yet.
Result<void> UnixSocket::set_access(const Options& options) const {
  if (!options.group.empty()) {
    const gid_t group = TRY(group_id(options.group));
    if (::chown(path_.c_str(), static_cast<uid_t>(-1), group) != 0) {
      return failed("set group of file", path_);
    }
  }
  if (::chmod(path_.c_str(), options.permissions) != 0) {
    return failed("set permissions of file", path_);
  }
  return {};
}

}  // namespace runtime

#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "runtime/fd.h"
#include "runtime/result.h"

namespace runtime {

// The Unix socket of a port in a directory, `.s.PGSQL.5433`, where libpq looks for it, and the lock
// file beside it, which says whose it is (pqcomm.c, Lock_AF_UNIX and Setup_AF_UNIX; miscinit.c,
// CreateLockFile). A directory that begins with '@' is a place in the abstract space, where there
// are no files, and the kernel lets one process have a name.
//   Owner: Server.  Thread: main's; blocks on files.
//   Invariant: both files are this process's; they go with this, unless others have taken their
//   places meanwhile.
class UnixSocket {
 public:
  struct Options {
    std::string directory;
    std::uint16_t port = 0;
    unsigned permissions = 0777;   // as chmod(2) takes them
    std::string group;             // a name or a number; empty: the process's
    std::string server_directory;  // for the reader of the lock file
    int backlog = 0;
  };

  // Makes the files, and listens. kLockFileExists if another process, which runs, has them.
  static Result<std::unique_ptr<UnixSocket>> listen(const Options& options);
  // Whether that could be done, as far as a look can tell.
  static Result<void> look(const Options& options);

  ~UnixSocket();
  UnixSocket(const UnixSocket&) = delete;
  UnixSocket& operator=(const UnixSocket&) = delete;

  // The listening socket. To be called once.
  UniqueFd take_fd() { return std::move(fd_); }
  const std::string& path() const { return path_; }

  // Programs that clean directories up remove files that have not been used for long: to be called
  // at least this often (postmaster.c, ServerLoop; TouchSocketFiles, TouchSocketLockFiles).
  static constexpr std::chrono::minutes kTouchInterval{58};
  void touch() const;

 private:
  // Which file a name stands for.
  struct FileId {
    dev_t device = 0;
    ino_t inode = 0;
    bool operator==(const FileId&) const = default;
  };
  static std::optional<FileId> id_of(const std::string& path);
  static void remove(const std::string& path, const std::optional<FileId>& ours);
  explicit UnixSocket(const Options& options);
  bool is_abstract() const { return path_.front() == '@'; }
  std::string lock_path() const { return path_ + ".lock"; }
  Result<void> lock(const Options& options);
  Result<void> check_length() const;
  Result<void> check_holder() const;
  Result<void> remove_stale_lock() const;
  Result<void> write_lock(const UniqueFd& file, const Options& options) const;
  Result<void> bind_and_listen(const Options& options);
  Result<void> set_access(const Options& options) const;

  const std::string path_;
  UniqueFd fd_;
  std::optional<FileId> socket_file_;  // none as long as it is not made, or if it is abstract
  std::optional<FileId> lock_file_;
};

}  // namespace runtime

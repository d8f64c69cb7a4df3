#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace tests {

// A system call by which slots reach the disk.
struct DiskCall {
  std::string_view name;  // "open", "pread", "pwrite", "fsync", "rename", "unlink", "mkdir"
  std::string file;       // relative to the directory; "." is the directory itself

  std::string text() const { return std::string(name) + " " + file; }
};

// While it lives, sees every such call of this thread in one directory before it is made, and may
// have it fail instead: with the errno that it returns, if that is not 0. Calls that the hook makes
// itself are not seen. One at a time.
class DiskHook {
 public:
  using Function = std::function<int(const DiskCall&)>;

  DiskHook(std::string directory, Function function);
  ~DiskHook();
  DiskHook(const DiskHook&) = delete;
  DiskHook& operator=(const DiskHook&) = delete;

  // What a wrapped call asks: 0, or the errno to fail with.
  static int ask(std::string_view name, const std::string& path);

 private:
  const std::string directory_;
  const Function function_;
  bool asking_ = false;
};

// Has the n-th call (from 0 on) fail. With kFromThere all later ones fail as well, so that the disk
// is left as by a process that died there.
enum class Failing { kOnlyThere, kFromThere };
class FailingDisk {
 public:
  FailingDisk(std::string directory, std::size_t nth, int sys_errno, Failing failing)
      : hook_(std::move(directory), [this, nth, sys_errno, failing](const DiskCall& call) {
          const std::size_t index = calls_++;
          const bool fails = failing == Failing::kOnlyThere ? index == nth : index >= nth;
          if (index == nth) failed_ = call.text();
          return fails ? sys_errno : 0;
        }) {}

  // The call that was made to fail first; empty if there were no more than n calls.
  const std::string& failed() const { return failed_; }

 private:
  std::size_t calls_ = 0;
  std::string failed_;
  DiskHook hook_;
};

}  // namespace tests

#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace tests {

// A system call by which walcast reaches files on a disk: one of those that runtime/file.cc makes
// (and stat, of wal::Segment).
struct DiskCall {
  std::string_view
      name;             // "open", "pread", "pwrite", "fsync", "fdatasync", "rename", "unlink", ...
  std::string file;     // relative to the directory; "." is the directory itself
  std::string to = {};  // of rename: the new name, relative to the directory
  int flags = 0;        // of open
  std::uint64_t offset = 0;                 // of pwrite
  std::span<const std::byte> content = {};  // of pwrite; afterwards what was written of it
  std::uint64_t size = 0;                   // of ftruncate and fallocate
  bool succeeded = true;                    // afterwards

  std::string text() const { return std::string(name) + " " + file; }
};

// While it lives, sees every such call in one directory before it is made, and may have it fail
// instead: with the errno that `before` returns, if that is not 0. `after` sees what was made.
// Calls that the hook makes itself are not seen. One at a time; the calls of all threads come to
// it, each on its thread. A test that has it is linked with the library test_disk, whose options
// have the linker put this layer between walcast and libc.
class DiskHook {
 public:
  using Before = std::function<int(const DiskCall&)>;
  using After = std::function<void(const DiskCall&)>;

  DiskHook(std::string directory, Before before, After after = {});
  ~DiskHook();
  DiskHook(const DiskHook&) = delete;
  DiskHook& operator=(const DiskHook&) = delete;

  // For the layer. `call` has whole paths.
  static int ask(DiskCall call);
  static void tell(DiskCall call);

 private:
  bool make_relative(DiskCall& call) const;

  const std::string directory_;
  const Before before_;
  const After after_;
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
  std::atomic<std::size_t> calls_ = 0;
  std::string failed_;
  DiskHook hook_;
};

}  // namespace tests

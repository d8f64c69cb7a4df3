#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <variant>
#include <vector>

#include "runtime/annotations.h"
#include "runtime/mutex.h"
#include "tests/support/disk_calls.h"

namespace tests {

// One thing that was done in a directory, or that a test has been promised meanwhile.
struct DiskEvent {
  struct Create {};  // or emptied, by open(2)
  struct Write {
    std::uint64_t offset;
    std::vector<std::byte> content;
  };
  struct Resize {
    std::uint64_t size;
    bool may_shrink;
  };
  struct Rename {
    std::string to;
  };
  struct Unlink {};
  struct Sync {
    std::size_t begun_at;  // it covers the events before this one
  };
  struct Promise {
    std::uint64_t value;
  };
  using What = std::variant<Create, Write, Resize, Rename, Unlink, Sync, Promise>;

  std::string file;  // "." is the directory, "folder/name" is in it; of a promise, what it is about
  What what;
};

// Records what is done in a directory while it lives, in the order in which the calls end, so that
// afterwards the machine can lose its power behind any of them (DiskImage).
class DiskLog {
 public:
  // `fail` may have a call fail, with the errno that it returns; it comes to it one at a time.
  explicit DiskLog(const std::string& directory, std::function<int(const DiskCall&)> fail = {});

  // From here on the test may count on this.
  void promise(const std::string& about, std::uint64_t value) EXCLUDES(mutex_);
  std::vector<DiskEvent> events() const EXCLUDES(mutex_);

 private:
  int before(const DiskCall& call) EXCLUDES(mutex_);
  void after(const DiskCall& call) EXCLUDES(mutex_);

  mutable runtime::Mutex mutex_;
  std::vector<DiskEvent> events_ GUARDED_BY(mutex_);
  const std::function<int(const DiskCall&)> fail_;
  DiskHook hook_;
};

// What a disk has of the events so far: a file's bytes that were synced, names that a sync of the
// directory has covered, and of the rest what the disk chose to keep by itself.
//
//   write A, sync A, write B, power is lost:  A is there. Of B there is all, nothing, or a part.
//   create F, sync F, power is lost:          F's name may be lost, and its synced bytes with it.
//   rename F to G, unlink H, power is lost:   neither, the first, or both have happened.
//
// Names in a folder of the directory are covered by a sync of that folder. A folder itself is never
// lost: what is tested makes its folders durably.
class DiskImage {
 public:
  void apply(const DiskEvent& event);

  // Writes into an empty directory what is left when power is lost now.
  enum class Luck { kNothingElse, kEverything, kChance };
  void write_to(const std::string& directory, Luck luck, std::mt19937& random) const;

  // The newest value that was promised about something.
  std::optional<std::uint64_t> promised(const std::string& about) const;

 private:
  using FileId = std::size_t;
  using Names = std::map<std::string, FileId>;
  using Bytes = std::vector<std::byte>;
  struct Change {
    std::size_t index;  // of the event
    DiskEvent event;
  };
  struct File {
    Bytes durable;
    std::vector<Change> pending;
  };
  struct NameChange {
    std::size_t index;
    std::string from;               // empty: a file is created
    std::string to;                 // empty: the name goes
    std::optional<FileId> created;  // under `to`
  };

  void change_file(const DiskEvent& event);
  void change_names(const DiskEvent& event);
  void sync(const std::string& name, std::size_t begun_at);
  void sync_folder(const std::string& folder, std::size_t begun_at);
  static void apply_to(Bytes& bytes, const DiskEvent& event);
  static void apply_to(Names& names, const NameChange& change);
  static Bytes surviving(const File& file, Luck luck, std::mt19937& random);

  std::size_t applied_ = 0;
  std::vector<File> files_;
  Names names_;          // as the process sees them
  Names durable_names_;  // as the disk has them for sure
  std::vector<NameChange> pending_names_;
  std::map<std::string, std::uint64_t> promised_;
};

}  // namespace tests

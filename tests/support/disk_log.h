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
  struct MakeFolder {};
  struct Sync {
    std::size_t begun_at;  // it covers the events before this one
  };
  struct SyncFailure {};  // of a file: what was written to it before is clean now, and not on disk
  struct Promise {
    std::uint64_t value;
  };
  using What =
      std::variant<Create, Write, Resize, Rename, Unlink, MakeFolder, Sync, SyncFailure, Promise>;

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
//   rename F to G, unlink H, power is lost:   neither, one of them, or both have happened.
//   write A, sync A fails, sync A, power is lost:  A is what it was before, as if not written.
//
// POSIX says no more than that. A file system with one journal (ext4, XFS) keeps changes of names
// and of sizes in their order: of all that are not synced there are the first few. One that logs
// files by themselves (btrfs, F2FS) keeps some, in any order. All keep a rename as one change, the
// changes of one file's size in their order, and nothing that was written where the size that it
// needs is lost. What is written goes to the disk by itself in any order, sector by sector.
//
// Names in a folder of the directory are covered by a sync of that folder, and the folder's own
// name by one of the directory: a folder that is lost takes its files with it.
class DiskImage {
 public:
  DiskImage() = default;
  // A disk that has all of what is in this directory.
  explicit DiskImage(const std::string& directory);

  void apply(const DiskEvent& event);

  // Writes into an empty directory what is left when power is lost now: of what no sync has covered
  // nothing, all, or of each file what chance will have, and of names and sizes those that were
  // changed first, as one journal keeps them, or any.
  enum class Luck { kNothingElse, kEverything, kJournal, kAnyOrder };
  static Luck any_luck(std::mt19937& random) { return Luck{static_cast<int>(random() % 4)}; }
  void write_to(const std::string& directory, Luck luck, std::mt19937& random) const;

  // What was promised of another disk holds for this one, which is what it has left.
  void inherit_promises(const DiskImage& before) { promised_ = before.promised_; }
  // The newest value that was promised about something.
  std::optional<std::uint64_t> promised(const std::string& about) const;

 private:
  using FileId = std::size_t;
  static constexpr FileId kFolder = SIZE_MAX;
  using Names = std::map<std::string, FileId>;
  using Bytes = std::vector<std::byte>;
  struct Change {
    std::size_t index;  // of the event
    DiskEvent event;
    bool has_failed = false;  // a sync has; a later one does not make it durable
  };
  struct File {
    Bytes durable;
    std::vector<Change> pending;
  };
  struct NameChange {
    std::size_t index;
    std::string from;  // empty: a file or a folder is made
    std::string to;    // empty: the name goes
    FileId id;
  };

  // What chance has decided for one loss of power.
  struct Fate {
    Luck luck;
    std::size_t journal_to;  // of kJournal: the event that the journal does not have any more
    std::mt19937& random;

    // Of a name or a size.
    bool keeps(std::size_t index) const;
  };

  void change_file(const DiskEvent& event);
  void change_names(const DiskEvent& event);
  void sync(const std::string& name, std::size_t begun_at);
  void sync_folder(const std::string& folder, std::size_t begun_at);
  static void apply_to(Bytes& bytes, const DiskEvent& event);
  static void apply_to(Names& names, const NameChange& change);
  void fail_sync(const std::string& name);
  std::size_t any_end_of_journal(std::mt19937& random) const;
  Names surviving_names(const Fate& fate) const;
  static Bytes surviving(const File& file, const Fate& fate);
  static void write_some(Bytes& bytes, const DiskEvent::Write& write, std::size_t limit,
                         const Fate& fate);

  std::size_t applied_ = 0;
  std::vector<File> files_;
  Names names_;          // as the process sees them
  Names durable_names_;  // as the disk has them for sure
  std::vector<NameChange> pending_names_;
  std::map<std::string, std::uint64_t> promised_;
};

}  // namespace tests

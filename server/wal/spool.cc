#include "server/wal/spool.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "runtime/check.h"
#include "runtime/durable_file.h"
#include "runtime/errors.h"
#include "runtime/file.h"
#include "runtime/format.h"
#include "server/wal/cluster_facts.h"
#include "server/wal/data_directory.h"
#include "server/wal/names.h"
#include "server/wal/set_aside.h"

namespace server::wal {

namespace {

using runtime::format;
using runtime::Result;

// What an empty spool may have: slots, what a file system's maker leaves, and a mark that a crash
// has cut off.
bool belongs_to_empty(std::string_view name) {
  constexpr std::array<std::string_view, 5> kNames = {".", "..", "lost+found", "pg_replslot",
                                                      SetAside::kFolder};
  const auto is_mark = [](std::string_view rest) { return rest == SpoolMark::kFileName; };
  if (name.ends_with(runtime::kTemporarySuffix)) {
    return is_mark(name.substr(0, name.size() - runtime::kTemporarySuffix.size()));
  }
  return std::find(kNames.begin(), kNames.end(), name) != kNames.end();
}

bool is_wal(std::string_view name) {
  if (name.ends_with(runtime::kTemporarySuffix)) {
    name.remove_suffix(runtime::kTemporarySuffix.size());
  }
  return parse_file_name(name).has_value();
}

bool may_be_adopted(std::string_view name) { return is_wal(name) || name == kClusterFactsFile; }

std::string_view name_of(SpoolWriter writer) {
  return writer == SpoolWriter::kReceiver ? "of WAL from a primary" : "of synthetic WAL";
}

}  // namespace

Result<void> Spool::open() {
  const std::string& directory = options_.directory;
  TRY(check_not_postgres(directory));
  TRY(runtime::create_private_directory(directory));
  lock_ = TRY(runtime::lock_directory(directory));
  mark_ = TRY(SpoolMark::open(directory));
  if (!mark_) return check_unmarked();
  if (mark_->content().writer == options_.writer) return {};
  return runtime::Error{.kind = &runtime::kObjectNotInPrerequisiteState,
                        .what = format("directory \"{}\" is a spool {}, and not {}", directory,
                                       name_of(mark_->content().writer), name_of(options_.writer)),
                        .hint = "Give another directory."};
}

Result<void> Spool::check_unmarked() const {
  for (const std::string& name : TRY(runtime::list_directory(options_.directory))) {
    if (belongs_to_empty(name) || (options_.adopt && may_be_adopted(name))) continue;
    return runtime::Error{
        .kind = &runtime::kObjectNotInPrerequisiteState,
        .what =
            format("directory \"{}\" is not empty, and no spool of walcast", options_.directory),
        .detail = format("It has \"{}\", and no \"{}\".", name, SpoolMark::kFileName),
        .hint = is_wal(name) ? "Give an empty directory. If this is the spool of an older walcast, "
                               "start once with --adopt-spool."
                             : "Give an empty directory."};
  }
  return {};
}

// A mark that says another system is overwritten only as long as no WAL came to the spool.
Result<void> Spool::claim(std::uint64_t system_identifier) {
  CHECK(lock_);
  if (mark_ && mark_->content().system_identifier == system_identifier) return {};
  if (mark_ && kept_to().valid()) {
    return runtime::Error{
        .kind = &kForeignWal,
        .what = format("spool \"{}\" is of system {}, and the WAL is of system {}",
                       options_.directory, mark_->content().system_identifier, system_identifier),
        .hint = "Give another directory for the WAL of another system."};
  }
  mark_ = TRY(SpoolMark::create(
      options_.directory,
      {.writer = options_.writer, .system_identifier = system_identifier, .kept_to = {}}));
  return runtime::sync_parent(options_.directory);
}

Result<void> Spool::check_empty() const {
  if (!kept_to().valid()) return {};
  return runtime::Error{
      .kind = &runtime::kDataCorrupted,
      .what = format("spool \"{}\" has no valid WAL, although it had WAL up to {} on disk",
                     options_.directory, kept_to()),
      .hint = format("Bring its files back. To begin a new spool, move \"{}\" and all WAL away.",
                     SpoolMark::kFileName)};
}

// The WAL that is there was proven once, but the server may have ended before it was durable, or
// because a sync had failed.
Result<EndOfWal> Spool::find_end(const Inventory& inventory) const {
  CHECK(mark_.has_value());
  TRY(Directory(options_.directory).sync());
  TRY(drop_cached_end(inventory));
  EndOfWal end = TRY(find_end_of_wal(options_.directory, inventory));
  if (end.end < kept_to()) return damaged(inventory, end);
  return end;
}

// Only the segments that are looked through for the end of WAL: nothing else can be unsynced.
Result<void> Spool::drop_cached_end(const Inventory& inventory) const {
  const Directory directory(options_.directory);
  const SegmentSize size = inventory.identity.segment_size;
  for (const auto& [timeline, no] : TRY(directory.segments(size))) {
    if (no < previous(inventory.newest)) continue;
    TRY(runtime::drop_cached(directory.segment_path(timeline, no, size)));
  }
  return {};
}

runtime::Error Spool::damaged(const Inventory& inventory, const EndOfWal& end) const {
  const SegmentSize size = inventory.identity.segment_size;
  const Lsn at = end.stopped_by ? std::max(end.stopped_by->lsn, end.end) : end.end;
  const SegmentNo no = size.segment_of(at);
  const std::string file = segment_name(inventory.history.file_timeline(no, size), no, size);
  return runtime::Error{
      .kind = &runtime::kDataCorrupted,
      .what = format("WAL of spool \"{}\" ends at {} in file \"{}\", although it was on disk up to "
                     "{}",
                     options_.directory, end.end, file, kept_to()),
      .detail = end.stopped_by
                    ? format("Invalid WAL at {}: {}.", end.stopped_by->lsn, end.stopped_by->what)
                    : std::string("The WAL behind that is missing."),
      .hint =
          format("Bring that file back, from the primary or an archive. To give up the WAL from "
                 "there on, move \"{}\" away and start once with --adopt-spool.",
                 SpoolMark::kFileName)};
}

}  // namespace server::wal

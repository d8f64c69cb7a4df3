#include "server/wal/spool.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "runtime/check.h"
#include "runtime/durable_file.h"
#include "runtime/errors.h"
#include "runtime/file.h"
#include "runtime/format.h"
#include "runtime/log.h"
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
  constexpr std::array<std::string_view, 6> kNames = {
      ".", "..", "lost+found", "pg_replslot", SetAside::kFolder, runtime::kLockFileName};
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
  TRY(read_mark());  // a directory that is none is left as it is
  lock_ = TRY(runtime::lock_directory(directory));
  return read_mark();
}

Result<void> Spool::look() {
  TRY(check_not_postgres(options_.directory));
  return read_mark();
}

Result<void> Spool::read_mark() {
  const std::string& directory = options_.directory;
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
Result<void> Spool::check_system(std::uint64_t system_identifier) const {
  if (!kept_to().valid() || mark_->content().system_identifier == system_identifier) return {};
  return runtime::Error{
      .kind = &kForeignWal,
      .what = format("spool \"{}\" is of system {}, and the WAL is of system {}",
                     options_.directory, mark_->content().system_identifier, system_identifier),
      .hint = "Give another directory for the WAL of another system."};
}

Result<void> Spool::claim(std::uint64_t system_identifier) {
  CHECK(lock_);
  if (mark_ && mark_->content().system_identifier == system_identifier) return {};
  TRY(check_system(system_identifier));
  mark_ = TRY(SpoolMark::create(
      options_.directory, {.writer = options_.writer, .system_identifier = system_identifier}));
  return runtime::sync_parent(options_.directory);
}

// The names of segments come to the disk, and go from it, in any order, unless a sync of the
// directory lies between:
//   1. Segments 1 to 9 are there, and kept_to is in 8. 1 and 2 are removed, for which the mark says
//      that WAL is kept from 3 on; 10 and 11 are made.
//   2. Power is lost. The disk has 1, 3 to 9 and 11.
//   3. 1 goes, as it was to. 11 is behind a gap, and of no use: 10 is received again.
//   4. Were it 5 that is missing, the disk would have lost WAL that it had.
//
// What the mark says goes for WAL of its system only.
Spool::Inspection Spool::inspect() const {
  const Directory directory(options_.directory);
  Inspection found{.inventory = wal::take_inventory(directory)};
  if (!found.inventory) return found;
  const std::uint64_t system_identifier = found.inventory->identity.system_identifier;
  if (auto accepted = check_system(system_identifier); !accepted) {
    found.inventory = std::move(accepted).error();
    return found;
  }
  const bool is_known = mark_ && mark_->content().system_identifier == system_identifier;
  if (!is_known || !kept_from().valid()) return found;
  const SegmentSize size = found.inventory->identity.segment_size;
  if (found.inventory->missing) {
    found.in_place = SegmentBounds{.size = size, .from = size.segment_of(kept_from())};
    found.inventory = wal::take_inventory(directory, found.in_place);
  }
  while (found.inventory && is_behind_a_gap(*found.inventory)) {
    if (!found.in_place) found.in_place = SegmentBounds{.size = size};
    found.in_place->before = found.inventory->oldest;
    found.inventory = wal::take_inventory(directory, found.in_place);
  }
  if (!found.inventory) return found;
  if (found.inventory->missing) {
    found.inventory = lacking(*found.inventory);
  } else if (found.in_place && found.in_place->before) {
    found.inventory->warnings.push_back(
        format("WAL segments from {} on lie behind a gap and are set aside",
               segment_name(found.inventory->history.tip(), *found.in_place->before, size)));
  }
  return found;
}

bool Spool::is_behind_a_gap(const Inventory& inventory) const {
  const SegmentSize size = inventory.identity.segment_size;
  return inventory.oldest > size.segment_of(kept_from()) &&
         size.start(previous(inventory.oldest)) >= kept_to();
}

Result<Inventory> Spool::take_inventory() const {
  Inspection found = inspect();
  const bool is_refused = !found.inventory && found.inventory.error().kind != &kNoWal;
  if (is_refused) return std::move(found.inventory);
  if (const auto& in_place = found.in_place) {
    const Directory directory(options_.directory);
    TRY(directory.remove_segments_before(in_place->from, in_place->size, [](SegmentNo) {}));
    if (in_place->before) TRY(set_aside_from(*in_place->before, in_place->size));
  }
  return std::move(found.inventory);
}

// Newest first, so that another crash leaves no more gaps than there were.
Result<void> Spool::set_aside_from(SegmentNo from, SegmentSize size) const {
  auto segments = TRY(Directory(options_.directory).segments(size));
  std::erase_if(segments, [from](const Directory::SegmentFile& file) { return file.no < from; });
  std::sort(segments.begin(), segments.end(),
            [](const auto& a, const auto& b) { return a.no > b.no; });
  const SetAside aside(options_.directory);
  for (const auto& [timeline, no] : segments) TRY(aside.take_segment(timeline, no, size));
  return aside.sync();
}

runtime::Error Spool::lacking(const Inventory& inventory) const {
  const SegmentSize size = inventory.identity.segment_size;
  const SegmentNo no = *inventory.missing;
  return runtime::Error{
      .kind = &runtime::kDataCorrupted,
      .what = format("WAL of spool \"{}\" lacks file \"{}\", although it was on disk up to {}",
                     options_.directory,
                     segment_name(inventory.history.file_timeline(no, size), no, size), kept_to()),
      .hint = format("Bring that file back, from the primary or an archive. To give up the WAL "
                     "before {}, move \"{}\" away and start once with --adopt-spool.",
                     size.start(inventory.oldest), SpoolMark::kFileName)};
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
Result<EndOfWal> Spool::find_end(const Inventory& inventory) {
  CHECK(mark_.has_value());
  TRY(Directory(options_.directory).sync());
  TRY(drop_cached_end(inventory));
  EndOfWal end = TRY(find_end_of_wal(options_.directory, inventory));
  TRY(check_end(inventory, end));
  const Lsn begin = inventory.identity.segment_size.start(inventory.oldest);
  const auto kept = mark_->keep(begin, end.end);
  if (!kept) runtime::log::warning("{}", kept.error().what);
  return end;
}

Result<void> Spool::check_end(const Inventory& inventory, const EndOfWal& end) const {
  return end.end < kept_to() ? Result<void>(damaged(inventory, end)) : Result<void>();
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

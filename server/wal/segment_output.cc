#include "server/wal/segment_output.h"

#include <algorithm>
#include <functional>
#include <memory>

#include "runtime/check.h"
#include "runtime/file.h"
#include "server/wal/set_aside.h"

namespace server::wal {

using runtime::OpenMode;
using runtime::Result;

Result<void> SegmentOutput::start(Lsn end, Leftover leftover) {
  const SegmentSize size = options_.segment_size;
  file_.reset();
  end_ = end;
  oldest_ = current();
  std::erase_if(unsynced_.files,
                [&](const OutputFileRef& file) { return size.start(file->no) >= end; });
  uncleared_ = std::max(uncleared_.value_or(leftover), leftover);
  TRY(clear());
  return size.offset(end_) == 0 ? Result<void>() : open_segment();
}

Result<void> SegmentOutput::clear() {
  if (!uncleared_) return {};
  TRY(clear_behind_end(*uncleared_));
  uncleared_.reset();
  return {};
}

// Before anything is written, no loss of power may bring a later segment back: a start would look
// for the end of WAL behind it.
Result<void> SegmentOutput::clear_behind_end(Leftover leftover) {
  const SegmentSize size = options_.segment_size;
  std::vector<SegmentNo> later;
  for (const auto& [timeline, no] : TRY(directory_.segments(size))) {
    if (timeline != options_.timeline) continue;
    oldest_ = std::min(oldest_, no);
    if (size.start(no) >= end_) later.push_back(no);
  }
  std::sort(later.begin(), later.end(), std::greater<>());
  const SetAside aside(directory_.path());
  for (const SegmentNo no : later) {
    TRY(leftover == Leftover::kSetAside ? aside.take_segment(options_.timeline, no, size)
                                        : unlink_segment(no));
  }
  if (leftover == Leftover::kUnlinked) {
    return later.empty() ? Result<void>() : runtime::sync_path(options_.directory);
  }
  if (!later.empty()) TRY(aside.sync());
  const std::uint32_t offset = size.offset(end_);
  if (offset == 0) return {};
  return aside.take_rest(options_.timeline, current(), size, offset);
}

Result<void> SegmentOutput::append(std::span<const std::byte> wal) {
  TRY(clear());
  while (!wal.empty()) {
    if (file_ == nullptr) TRY(open_segment());
    const std::uint32_t offset = options_.segment_size.offset(end_);
    const std::size_t room =
        std::min<std::size_t>(wal.size(), options_.segment_size.bytes() - offset);
    const std::size_t written =
        TRY(runtime::write_some_at(file_->fd, file_->path, offset, wal.first(room)));
    note_unsynced();
    wal = wal.subspan(written);
    end_ += written;
    if (options_.segment_size.offset(end_) == 0) TRY(complete_segment());
  }
  return {};
}

Result<void> SegmentOutput::skip_to(Lsn end) {
  if (end == end_) return {};
  CHECK(file_ != nullptr && end == options_.segment_size.end(current()));
  end_ = end;
  return complete_segment();
}

Result<std::uint64_t> SegmentOutput::remove_before(Lsn keep_from) {
  const SegmentNo keep = std::min(options_.segment_size.segment_of(keep_from), current());
  std::uint64_t removed = 0;
  for (; oldest_ < keep; oldest_ = next(oldest_), ++removed) TRY(unlink_segment(oldest_));
  return removed;
}

UnsyncedFiles SegmentOutput::take_unsynced() {
  CHECK(options_.synced_by == SyncedBy::kTaker);
  return std::exchange(unsynced_, {});
}

// A new segment must not exist; one that goes on must, and loses what a crash left in its rest.
Result<void> SegmentOutput::open_segment() {
  const std::uint32_t offset = options_.segment_size.offset(end_);
  const bool is_new = offset == 0;
  OutputFileRef opened = TRY(open_current());
  if (auto prepared = prepare(*opened, offset); !prepared) {
    if (is_new) static_cast<void>(unlink_segment(opened->no));  // so that append can try again
    return prepared;
  }
  file_ = std::move(opened);
  if (!is_new) return {};
  unsynced_.has_new_name = true;
  return options_.synced_by == SyncedBy::kOutput ? runtime::sync_path(options_.directory)
                                                 : Result<void>();
}

// A file with unsynced bytes is written on with the descriptor that wrote them.
Result<OutputFileRef> SegmentOutput::open_current() const {
  const SegmentNo no = current();
  const auto known = std::find_if(unsynced_.files.begin(), unsynced_.files.end(),
                                  [no](const OutputFileRef& file) { return file->no == no; });
  if (known != unsynced_.files.end()) return *known;
  const bool is_new = options_.segment_size.offset(end_) == 0;
  std::string path = directory_.segment_path(options_.timeline, no, options_.segment_size);
  auto fd = TRY(runtime::open_for_writing(path, is_new ? OpenMode::kNew : OpenMode::kExisting));
  return std::make_shared<const OutputFile>(
      OutputFile{.no = no, .path = std::move(path), .fd = std::move(fd)});
}

// Zeros from `offset` to the segment's end. A disk that has no room for them still lets the file be
// long, so that standbys can be sent what lies before.
Result<void> SegmentOutput::prepare(const OutputFile& file, std::uint32_t offset) const {
  const std::uint64_t size = options_.segment_size.bytes();
  TRY(runtime::truncate_file(file.fd, file.path, offset));
  auto allocated = runtime::allocate_file(file.fd, file.path, size);
  if (!allocated) static_cast<void>(runtime::truncate_file(file.fd, file.path, size));
  return allocated;
}

Result<void> SegmentOutput::complete_segment() {
  const OutputFileRef complete = std::exchange(file_, nullptr);
  if (options_.synced_by != SyncedBy::kOutput) return {};
  return runtime::sync_file(complete->fd, complete->path, runtime::SyncWhat::kAll);
}

void SegmentOutput::note_unsynced() {
  if (options_.synced_by != SyncedBy::kTaker) return;
  auto& files = unsynced_.files;
  if (files.empty() || files.back() != file_) files.push_back(file_);
  DCHECK(files.size() < 2 || files[files.size() - 2]->no < file_->no);
}

}  // namespace server::wal

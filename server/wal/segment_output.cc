#include "server/wal/segment_output.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string_view>
#include <utility>

#include "runtime/check.h"
#include "runtime/errors.h"
#include "runtime/format.h"
#include "runtime/system_call.h"
#include "server/wal/files.h"
#include "server/wal/names.h"

namespace server::wal {

using runtime::format;
using runtime::Result;

namespace {

constexpr mode_t kFileMode = 0600;  // PG_FILE_MODE_OWNER

}  // namespace

Result<std::vector<SegmentNo>> SegmentOutput::list() const {
  std::vector<SegmentNo> found;
  for (const std::string& file : TRY(list_directory(options_.directory))) {
    const auto name = parse_file_name(file);
    if (!name || name->kind != FileName::Kind::kSegment) continue;
    if (name->timeline != options_.timeline) continue;
    if (const auto no = name->segment(options_.segment_size)) found.push_back(*no);
  }
  return found;
}

Result<void> SegmentOutput::start(Lsn end) {
  file_.reset();
  end_ = end;
  oldest_ = current();
  for (const SegmentNo no : TRY(list())) {
    oldest_ = std::min(oldest_, no);
    const bool holds_wal = options_.segment_size.start(no) < end;
    if (!holds_wal) TRY(unlink_segment(no));
  }
  return options_.segment_size.offset(end_) == 0 ? Result<void>() : open_segment();
}

Result<void> SegmentOutput::append(std::span<const std::byte> wal) {
  while (!wal.empty()) {
    if (!file_) TRY(open_segment());
    const std::uint32_t offset = options_.segment_size.offset(end_);
    const std::size_t room =
        std::min<std::size_t>(wal.size(), options_.segment_size.bytes() - offset);
    const ssize_t written =
        runtime::retry_on_signal([&] { return ::pwrite(file_.get(), wal.data(), room, offset); });
    if (written < 0) {
      return runtime::fail_call("write to file", file_path_);
    }
    const auto count = static_cast<std::size_t>(written);
    wal = wal.subspan(count);
    end_ += count;
    if (options_.segment_size.offset(end_) == 0) TRY(complete_segment());
  }
  return {};
}

Result<void> SegmentOutput::skip_to(Lsn end) {
  if (end == end_) return {};
  CHECK(file_ && end == options_.segment_size.end(current()));
  end_ = end;
  return complete_segment();
}

Result<std::uint64_t> SegmentOutput::remove_before(Lsn keep_from) {
  const SegmentNo keep = std::min(options_.segment_size.segment_of(keep_from), current());
  std::uint64_t removed = 0;
  for (; oldest_ < keep; oldest_ = next(oldest_), ++removed) TRY(unlink_segment(oldest_));
  return removed;
}

// A new segment must not exist; one that goes on must, and loses what a crash left in its rest.
Result<void> SegmentOutput::open_segment() {
  const std::uint32_t offset = options_.segment_size.offset(end_);
  const bool is_new = offset == 0;
  file_path_ = path(current());
  const int flags = O_RDWR | O_CLOEXEC | (is_new ? O_CREAT | O_EXCL : 0);
  runtime::UniqueFd opened(
      runtime::retry_on_signal([&] { return ::open(file_path_.c_str(), flags, kFileMode); }));
  if (!opened) {
    return runtime::fail_call(is_new ? "create file" : "open file", file_path_);
  }
  if (runtime::retry_on_signal([&] { return ::ftruncate(opened.get(), offset); }) != 0) {
    return runtime::fail_call("truncate file", file_path_);
  }
  file_ = std::move(opened);
  if (auto done = preallocate(); !done) {
    file_.reset();
    if (is_new) ::unlink(file_path_.c_str());  // so that append can be tried again
    return done;
  }
  return is_new && options_.sync ? sync_directory() : Result<void>();
}

// Takes the whole segment from the file system at once, so that a full disk is met here; where that
// is not supported the file is merely long.
Result<void> SegmentOutput::preallocate() {
  const off_t size = options_.segment_size.bytes();
  int failed = runtime::retry_on_signal([&] { return ::fallocate(file_.get(), 0, 0, size); });
  if (failed && errno == EOPNOTSUPP) {
    failed = runtime::retry_on_signal([&] { return ::ftruncate(file_.get(), size); });
  }
  if (failed) return runtime::fail_call("write to file", file_path_);
  return {};
}

Result<void> SegmentOutput::complete_segment() {
  const runtime::UniqueFd complete = std::move(file_);
  if (options_.sync && ::fsync(complete.get()) != 0) {
    return runtime::fail_call("fsync file", file_path_);
  }
  return {};
}

Result<void> SegmentOutput::sync_directory() const {
  const runtime::UniqueFd opened(
      ::open(options_.directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!opened || ::fsync(opened.get()) != 0) {
    return runtime::fail_call("fsync file", options_.directory);
  }
  return {};
}

Result<void> SegmentOutput::unlink_segment(SegmentNo no) const {
  const std::string name = path(no);
  if (::unlink(name.c_str()) != 0 && errno != ENOENT) {
    return runtime::fail_call("remove file", name);
  }
  return {};
}

std::string SegmentOutput::path(SegmentNo no) const {
  return format("{}/{}", options_.directory,
                segment_name(options_.timeline, no, options_.segment_size));
}

}  // namespace server::wal

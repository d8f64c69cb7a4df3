#include "server/wal/pages.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "runtime/check.h"
#include "runtime/errors.h"
#include "runtime/file.h"
#include "runtime/format.h"

namespace server::wal {

FilePages::FilePages(std::string directory, TimelineHistory history, SegmentSize segment_size,
                     OpenedFiles* opened)
    : directory_(std::move(directory)),
      history_(std::move(history)),
      segment_size_(segment_size),
      opened_(opened),
      window_(kWindowBytesMax) {}

PageView FilePages::page(Lsn page) {
  DCHECK(page.page_offset() == 0);
  if (!in_window(page)) {
    if (auto problem = read_window(page)) return {.bytes = {}, .problem = std::move(problem)};
  }
  const std::size_t offset = std::min<std::size_t>(page - window_begin_, window_size_);
  const std::size_t size = std::min<std::size_t>(window_size_ - offset, kPageBytes);
  return {.bytes = std::span(window_).subspan(offset, size)};
}

void FilePages::forget() {
  file_.reset();
  window_span_ = 0;
}

bool FilePages::in_window(Lsn page) const {
  return window_begin_ <= page && page < window_begin_ + window_span_;
}

std::optional<runtime::Error> FilePages::read_window(Lsn page) {
  const SegmentNo no = segment_size_.segment_of(page);
  if (!file_.valid() || no != segment_) {
    if (auto problem = open_segment(no)) {
      forget();
      return problem;
    }
  }
  place_window(page);
  auto problem = fill_window();
  if (problem) forget();
  return problem;
}

std::optional<runtime::Error> FilePages::open_segment(SegmentNo no) {
  segment_ = no;
  path_ = directory_.segment_path(file_timeline(no), no, segment_size_);
  auto file = open_segment_file(path_);
  if (!file) return std::move(file).error();
  file_ = std::move(file).value();
  if (opened_ == nullptr) return std::nullopt;
  auto stamp = file_stamp(file_, path_);
  if (!stamp) return std::move(stamp).error();
  const auto [known, added] = opened_->try_emplace(no, *stamp);
  if (!added && known->second.id != stamp->id) known->second = FileStamp();
  return std::nullopt;
}

// A reader that reads on gets a larger window each time, one that reads backwards a large one that
// ends with the page, and one that jumps (or looks again at the end of a growing file) a small one.
void FilePages::place_window(Lsn page) {
  const Lsn segment_begin = segment_size_.start(segment_);
  const bool reads_on = window_span_ != 0 && page == window_begin_ + window_span_;
  const bool reads_back =
      window_span_ != 0 && page < window_begin_ && window_begin_ - page <= kWindowBytesMax;
  if (reads_back) {
    const std::uint64_t before =
        std::min<std::uint64_t>(page - segment_begin, kWindowBytesMax - kPageBytes);
    window_begin_ = page - before;
    window_span_ = before + kPageBytes;
    return;
  }
  const std::size_t wanted =
      reads_on ? std::min(2 * window_span_, kWindowBytesMax) : kWindowBytesMin;
  window_begin_ = page;
  window_span_ = std::min<std::size_t>(wanted, segment_size_.end(segment_) - page);
}

// The error is for clients too, in a walsender's words (walsender.c, WALReadRaiseError).
std::optional<runtime::Error> FilePages::fill_window() {
  const std::uint32_t offset = segment_size_.offset(window_begin_);
  const auto size = runtime::read_at(file_, path_, offset, std::span(window_).first(window_span_));
  if (!size) {
    return runtime::system_error(
        size.error().sys_errno,
        runtime::format("could not read from log segment {}, offset {}",
                        std::filesystem::path(path_).filename().string(), offset));
  }
  window_size_ = *size;
  return std::nullopt;
}

}  // namespace server::wal

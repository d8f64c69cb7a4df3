#include "server/wal/received_pages.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "runtime/check.h"
#include "runtime/errors.h"
#include "runtime/format.h"

namespace server::wal {

void ReceivedPages::begin(const TimelineHistory& history, Lsn position) {
  files_.emplace(directory_, history, segment_size_);
  end_ = position;
  page_begin_ = position.page_start();
  unread_bytes_ = position.page_offset();
  message_ = {};
}

void ReceivedPages::add(std::span<const std::byte> wal) {
  CHECK(message_.empty() && end_ - page_begin_ < kPageBytes);
  const std::size_t have = end_ - page_begin_;
  const auto first_part = wal.first(std::min<std::size_t>(wal.size(), kPageBytes - have));
  std::copy(first_part.begin(), first_part.end(),
            page_.begin() + static_cast<std::ptrdiff_t>(have));
  message_ = wal;
  end_ += wal.size();
}

void ReceivedPages::let_go() {
  const auto message = std::exchange(message_, {});
  if (end_.page_start() == page_begin_) return;
  page_begin_ = end_.page_start();
  unread_bytes_ = 0;
  DCHECK(end_ - page_begin_ <= message.size());
  const auto last_part = message.last(end_ - page_begin_);
  std::copy(last_part.begin(), last_part.end(), page_.begin());
  files_->forget();  // what its window shows of later pages is from before they came
}

PageView ReceivedPages::page(Lsn page) {
  DCHECK(page.page_offset() == 0);
  if (page >= end_) return {.bytes = {}};
  if (page < page_begin_) return page_in_file(page, kPageBytes);
  const std::size_t size = std::min<std::size_t>(end_ - page, kPageBytes);
  if (page > page_begin_) return {.bytes = message_.last(end_ - page).first(size)};
  if (auto problem = read_kept_part()) return {.bytes = {}, .problem = std::move(problem)};
  return {.bytes = std::span<const std::byte>(page_).first(size)};
}

// Only after begin(): the page on which WAL is to go on was written earlier.
std::optional<runtime::Error> ReceivedPages::read_kept_part() {
  if (unread_bytes_ == 0) return std::nullopt;
  PageView in_file = page_in_file(page_begin_, unread_bytes_);
  if (in_file.problem) return std::move(in_file.problem);
  std::copy_n(in_file.bytes.begin(), unread_bytes_, page_.begin());
  unread_bytes_ = 0;
  files_->forget();
  return std::nullopt;
}

// The first `size` bytes of the page were written, so a file that lacks them is broken. Without an
// error the reader would wait for them as for WAL that is to come. The error has an errno as that
// of a read has, because a relay tells a broken disk by it.
PageView ReceivedPages::page_in_file(Lsn page, std::size_t size) {
  PageView view = files_->page(page);
  if (view.problem || view.bytes.size() >= size) return view;
  return {.bytes = {},
          .problem =
              runtime::Error{.kind = &runtime::kIoError,
                             .what = runtime::format(
                                 "the segment file of {} in \"{}\" is too short", page, directory_),
                             .sys_errno = EIO}};
}

}  // namespace server::wal

// How a sender's messages get into its socket: by a copy, or as pages of the segment file, which
// must not be overwritten until they have arrived. The rest is in sender.cc.
#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <utility>

#include "runtime/errors.h"
#include "runtime/format.h"
#include "server/stream/sender.h"

namespace server::stream {

using runtime::IoResult;
using wal::Lsn;

IoResult Sender::send_chunk() {
  if (!may_send_pages() || chunk_.wal_left() <= options_.copy_bytes_max) return copy_chunk();
  return send_chunk_from_file();
}

// One copy, one system call: header and WAL together.
IoResult Sender::copy_chunk() {
  const bool held = is_held(chunk_.at);
  auto bytes = view_.bytes(*segment_, chunk_.at, chunk_.end, held);
  if (!bytes) {
    chunk_error_ = std::move(bytes).error();
    return {.status = IoResult::Status::kFailed};
  }
  const std::array<iovec, 2> pieces{
      iovec{chunk_.header.data() + chunk_.header_sent, chunk_.header.size() - chunk_.header_sent},
      iovec{const_cast<std::byte*>(bytes->data()), bytes->size()}};
  const IoResult result = connection_.send(pieces, /*more=*/false);
  if (result.status == IoResult::Status::kFailed) return result;
  chunk_.take(result.bytes);
  if (!held && chunk_.active()) {
    // The file may be overwritten before the socket drains, so the rest is kept as it is now, even
    // if that is all of it. A keepalive that waits since the file was held comes behind it.
    connection_.queue_first(bytes->last(static_cast<std::size_t>(chunk_.wal_left())));
    connection_.queue_first(std::span(chunk_.header).subspan(chunk_.header_sent));
    chunk_.at = chunk_.end;
  }
  return result;
}

// No copy: the header waits in the socket for the pages that follow it.
IoResult Sender::send_chunk_from_file() {
  if (chunk_.header_sent < chunk_.header.size()) {
    const iovec piece{chunk_.header.data() + chunk_.header_sent,
                      chunk_.header.size() - chunk_.header_sent};
    const IoResult result = connection_.send({&piece, 1}, /*more=*/true);
    if (result.status != IoResult::Status::kDone) return result;
    chunk_.take(result.bytes);
    if (chunk_.header_sent < chunk_.header.size()) return result;
  }
  view_.add_page_user(*this);
  const IoResult result = connection_.send_file(
      segment_->fd(), static_cast<std::uint64_t>(chunk_.at - segment_->begin()),
      static_cast<std::size_t>(chunk_.wal_left()));
  if (result.status == IoResult::Status::kDone) chunk_.take(result.bytes);
  // Of the two that it moves between, only the file fails this way.
  if (result.status == IoResult::Status::kFailed && result.sys_errno == EIO) {
    chunk_error_ = runtime::system_error(
        EIO, runtime::format("could not read from log segment {}, offset {}", segment_->name(),
                             chunk_.at - segment_->begin()));
  } else if (result.status == IoResult::Status::kEnd) {
    chunk_error_ = {
        .kind = &runtime::kDataCorrupted,
        .what = runtime::format("log segment {} ends before {}", segment_->name(), chunk_.end)};
  }
  return result;
}

// Whether nobody overwrites the file at this place for as long as the stream needs it.
bool Sender::is_held(Lsn lsn) const {
  return view_.is_held(lsn) && (pin_ == nullptr || lsn >= pin_->held_from());
}

// Of a file that somebody may recycle some day, no page may be where it cannot be taken back from.
bool Sender::may_send_pages() const {
  return is_held(chunk_.at) && !(pin_ != nullptr && within_host_);
}

// WAL before this has left the socket. What is in it counts as WAL, which some of it is not.
Lsn Sender::arrived() const {
  const Lsn at = chunk_.active() ? chunk_.at : sent_;
  if (!connection_.has_pages()) return at;
  const Lsn known = pin_ != nullptr ? pin_->from() : Lsn();
  if (older_pages_) return known;
  return at - std::min(connection_.unacknowledged(), at - std::min(at, known));
}

// Pages of the stream before may still be in the socket.
void Sender::pin(Lsn start) {
  older_pages_ = pin_ != nullptr && connection_.has_pages();
  connection_.never_leave_pages();
  within_host_ = runtime::is_within_host(connection_.fd());
  pin_ = std::make_unique<wal::Pins::Pin>(view_.pins(),
                                          older_pages_ ? std::min(pin_->from(), start) : start);
}

// The oldest that the standby may want again, or that is on its way.
void Sender::advance_pin() {
  const Lsn from = std::min(arrived(), feedback_.acknowledged());
  if (from > pin_->from()) pin_->advance(from);
}

// The stream has ended, and its last pages may still be in the socket.
void Sender::unpin_when_acknowledged() {
  if (pin_ == nullptr) return;
  if (connection_.has_pages()) return timer_.arm(loop_.now() + kUnpinInterval);
  stop_using_pages();
  pin_.reset();
}

// What is in the socket cannot be trusted any more, so it must not arrive.
void Sender::on_files_released() {
  loop_.assert_in_thread();
  if (!connection_.has_pages()) return;
  if (is_held(arrived())) return view_.add_page_user(*this);
  connection_.never_leave_pages();
  lose("terminating walsender process: its WAL may be overwritten before it arrives");
}

}  // namespace server::stream

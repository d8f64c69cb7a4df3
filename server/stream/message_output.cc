#include "server/stream/message_output.h"

#include <array>
#include <cerrno>
#include <span>

#include "runtime/errors.h"
#include "runtime/format.h"
#include "runtime/probes.h"
#include "server/wal/segments.h"
#include "server/wire/errors.h"

namespace server::stream {

using runtime::IoResult;

IoResult::Status MessageOutput::send() {
  loop_.assert_in_thread();
  if (!chunk_.active()) return IoResult::Status::kDone;
  do {
    const IoResult result = send_some();
    if (result.status != IoResult::Status::kDone) return result.status;
  } while (chunk_.active());
  runtime::probes::message_sent(connection_.fd(), chunk_.end.value());
  return IoResult::Status::kDone;
}

IoResult MessageOutput::send_some() {
  const bool by_copy = chunk_.wal_left() <= copy_bytes_max_ || !connection_.can_send_pages() ||
                       !hold_.may_send_pages(chunk_.at);
  return by_copy ? send_copy() : send_pages();
}

// One copy, one system call: header and WAL together.
IoResult MessageOutput::send_copy() {
  const bool held = hold_.is_held(chunk_.at);
  auto bytes = view_.bytes(*segment_, chunk_.at, chunk_.end, held);
  if (!bytes) {
    error_ = std::move(bytes).error();
    return {.status = IoResult::Status::kFailed};
  }
  const std::array<iovec, 2> pieces{
      iovec{chunk_.header.data() + chunk_.header_sent, chunk_.header.size() - chunk_.header_sent},
      iovec{const_cast<std::byte*>(bytes->data()), bytes->size()}};
  const IoResult result = connection_.send(pieces, /*more=*/false);
  if (result.status == IoResult::Status::kFailed) return result;
  chunk_.take(result.bytes);
  if (!held && chunk_.active()) {
    // The file may be overwritten before the socket drains.
    const auto kept = keep_rest(bytes->last(static_cast<std::size_t>(chunk_.wal_left())));
    if (kept != IoResult::Status::kDone) return {.status = kept};
  }
  return result;
}

IoResult::Status MessageOutput::take_into_memory() {
  loop_.assert_in_thread();
  if (chunk_.active()) {
    auto bytes = view_.bytes(*segment_, chunk_.at, chunk_.end, hold_.is_held(chunk_.at));
    if (!bytes) {
      error_ = std::move(bytes).error();
      return IoResult::Status::kFailed;
    }
    if (const auto kept = keep_rest(*bytes); kept != IoResult::Status::kDone) return kept;
  }
  segment_.reset();
  return IoResult::Status::kDone;
}

// Keeps the rest of the message, which may be all of it, as it is now. A keepalive that was queued
// before comes behind it.
IoResult::Status MessageOutput::keep_rest(std::span<const std::byte> wal) {
  DCHECK(wal.size() == chunk_.wal_left());
  const auto header = std::span(chunk_.header).subspan(chunk_.header_sent);
  if (!connection_.may_queue(header.size() + wal.size())) {
    error_ = {.kind = &wire::kOutOfMemory, .what = "out of memory for the messages of clients"};
    return IoResult::Status::kFailed;
  }
  connection_.queue_first(header, wal);
  chunk_.at = chunk_.end;
  return IoResult::Status::kDone;
}

// No copy: the header waits in the socket for the pages that follow it.
IoResult MessageOutput::send_pages() {
  if (chunk_.header_sent < chunk_.header.size()) {
    const iovec piece{chunk_.header.data() + chunk_.header_sent,
                      chunk_.header.size() - chunk_.header_sent};
    const IoResult result = connection_.send({&piece, 1}, /*more=*/true);
    if (result.status != IoResult::Status::kDone) return result;
    chunk_.take(result.bytes);
    if (chunk_.header_sent < chunk_.header.size()) return result;
  }
  const IoResult result = hold_.send_pages(*segment_, chunk_.at, chunk_.end);
  if (result.status == IoResult::Status::kDone) {
    chunk_.take(result.bytes);
  } else {
    note_file_error(result);
  }
  return result;
}

// sendfile says kEnd where the file ends, and EIO where it cannot be read; no socket says these.
void MessageOutput::note_file_error(const IoResult& result) {
  if (result.status == IoResult::Status::kFailed && result.sys_errno == EIO) {
    error_ = runtime::system_error(
        EIO, runtime::format("could not read from log segment {}, offset {}", segment_->name(),
                             chunk_.at - segment_->begin()));
  } else if (result.status == IoResult::Status::kEnd) {
    error_ = {
        .kind = &runtime::kDataCorrupted,
        .what = runtime::format("log segment {} ends before {}", segment_->name(), chunk_.end)};
  }
}

}  // namespace server::stream

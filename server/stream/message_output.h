#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <utility>

#include "runtime/annotations.h"
#include "runtime/check.h"
#include "runtime/loop.h"
#include "runtime/result.h"
#include "runtime/socket.h"
#include "server/stream/chunk.h"
#include "server/stream/connection.h"
#include "server/stream/page_hold.h"
#include "server/stream/wal_view.h"
#include "server/wal/segment.h"

namespace server::stream {

// One XLogData message on its way from a segment file into a socket. Little WAL goes by a copy, in
// one system call with the header; much goes as pages of the file, if its pages may be in a socket.
//   Owner: Sender.  Thread: the session's loop.
//   Borrows: the loop, the view, the connection and the hold, which all outlive it.
//   Limits: one message.
class MessageOutput {
 public:
  MessageOutput(runtime::Loop& loop, WalView& view, Connection& connection, PageHold& hold,
                std::uint32_t copy_bytes_max)
      : loop_(loop),
        view_(view),
        connection_(connection),
        hold_(hold),
        copy_bytes_max_(copy_bytes_max) {}

  // The file of the messages that begin from now on.
  void read_from(const wal::SegmentRef& segment) {
    loop_.assert_in_thread();
    if (segment_ != segment) segment_ = segment;
  }
  // REQUIRES: no message is on its way, and this one's WAL lies in the file.
  void begin(const Chunk& chunk) {
    loop_.assert_in_thread();
    CHECK(!chunk_.active() && chunk.active() && segment_ != nullptr);
    DCHECK(segment_->begin() <= chunk.at && chunk.end <= segment_->end());
    chunk_ = chunk;
  }
  // Null if there is none.
  const wal::SegmentRef& file() const {
    loop_.assert_in_thread();
    return segment_;
  }
  // Lets go of the file between two messages.
  void close_file() {
    loop_.assert_in_thread();
    CHECK(!chunk_.active());
    segment_.reset();
  }
  // Lets go of the file at once: what is left of the message waits in memory. A failure leaves the
  // message as it is, and take_error() says why.
  runtime::IoResult::Status take_into_memory();
  // Forgets the message and the file.
  void drop() {
    loop_.assert_in_thread();
    chunk_ = {};
    segment_.reset();
  }

  // Whether a message is on its way, and whether a part of it is out.
  bool active() const {
    loop_.assert_in_thread();
    return chunk_.active();
  }
  bool is_cut() const {
    loop_.assert_in_thread();
    return chunk_.active() && chunk_.header_sent > 0;
  }
  // The first byte of its WAL that the socket has not taken. REQUIRES: active().
  wal::Lsn position() const {
    loop_.assert_in_thread();
    return chunk_.at;
  }
  // Where its WAL ends. REQUIRES: active().
  wal::Lsn end() const {
    loop_.assert_in_thread();
    return chunk_.end;
  }

  // Sends what is left of the message. kDone: the connection has all of it.
  runtime::IoResult::Status send();
  // Why send() failed, if the file is to blame.
  std::optional<runtime::Error> take_error() {
    loop_.assert_in_thread();
    return std::exchange(error_, std::nullopt);
  }

 private:
  runtime::IoResult send_some() REQUIRES(loop_);
  runtime::IoResult send_copy() REQUIRES(loop_);
  runtime::IoResult send_pages() REQUIRES(loop_);
  runtime::IoResult::Status keep_rest(std::span<const std::byte> wal) REQUIRES(loop_);
  void note_file_error(const runtime::IoResult& result) REQUIRES(loop_);

  runtime::Loop& loop_;
  WalView& view_;
  Connection& connection_;
  PageHold& hold_;
  const std::uint32_t copy_bytes_max_;

  wal::SegmentRef segment_ GUARDED_BY(loop_);
  Chunk chunk_ GUARDED_BY(loop_);
  std::optional<runtime::Error> error_ GUARDED_BY(loop_);
};

}  // namespace server::stream

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "memctx/context.h"
#include "runtime/annotations.h"
#include "runtime/fd.h"
#include "runtime/loop.h"
#include "runtime/socket.h"
#include "runtime/tls_channel.h"
#include "server/stream/memory_budget.h"

namespace server::stream {

// A socket, TLS over it if the client has asked for that, and the small messages that wait for it.
// EPOLLOUT is asked for only while it is blocked.
//   Owner: Session.  Thread: the session's loop.
//   Borrows: the loop, its handler, its close listener, the context that holds messages that do not
//   fit into `inline_`, and the share of the memory for clients that the context is counted in.
//   Limits: those of the share; a caller that could queue much, or without end, asks may_queue() or
//   looks at queued_bytes() first.
class Connection {
 public:
  // Is asked just before the socket is closed, so that no way of closing it can be forgotten.
  class CloseListener {
   public:
    virtual ~CloseListener() = default;
    virtual void before_close() = 0;
  };

  Connection(runtime::Loop& loop, runtime::Loop::Handler& handler, runtime::UniqueFd fd,
             memctx::Context& session_context, MemoryShare* memory = nullptr);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  int fd() const { return fd_.get(); }
  // Gives the socket away for a handshake, and takes it back with what that has made. Meanwhile
  // nothing is sent or received, and close() closes nothing.
  runtime::UniqueFd lend();
  void take_back(runtime::UniqueFd fd, std::unique_ptr<runtime::TlsChannel> tls);
  // Nothing is sent or received any more; later calls have no effect.
  void close();

  // The buffer that so many bytes take, with an eighth of it free behind them.
  static constexpr std::size_t room_for_one(std::size_t bytes) { return bytes + bytes / 4; }
  // Whether so many bytes more may wait, as far as the memory for clients goes.
  bool may_queue(std::size_t bytes) const {
    loop_.assert_in_thread();
    return memory_ == nullptr || bytes <= capacity_ - size_ || memory_->has_room(room_for(bytes));
  }
  // Puts bytes behind those that wait. A few keepalives fit in without an allocation.
  void queue(std::span<const std::byte> bytes);
  // Puts bytes before those that wait. REQUIRES: none of those has been sent.
  void queue_first(std::span<const std::byte> header, std::span<const std::byte> body);
  std::size_t queued_bytes() const {
    loop_.assert_in_thread();
    return size_ - sent_;
  }
  // Sends what waits; kDone when nothing is left.
  runtime::IoResult::Status flush();

  runtime::IoResult receive(std::span<std::byte> buffer);
  // More can be received than the socket tells epoll of.
  bool has_unread() const {
    loop_.assert_in_thread();
    return tls_ != nullptr && tls_->has_unread();
  }
  // Input has to wait for room in the socket, or output until something has come: TLS has messages
  // of its own.
  bool input_waits_for_output() const {
    loop_.assert_in_thread();
    return tls_ != nullptr && tls_->receive_waits_for_output();
  }
  bool output_waits_for_input() const {
    loop_.assert_in_thread();
    return tls_ != nullptr && tls_->send_waits_for_input();
  }
  // TLS keeps something that the socket has not taken.
  bool has_unsent_records() const {
    loop_.assert_in_thread();
    return tls_ != nullptr && tls_->has_unsent();
  }
  // Why the last call of TLS has failed; empty without TLS.
  std::string tls_failure() const {
    loop_.assert_in_thread();
    return tls_ != nullptr ? tls_->failure().what : std::string();
  }

  // What TLS has agreed on; none without it.
  std::optional<runtime::TlsAgreement> tls_agreement() const;

  // Sends these, with nothing waiting; or pages of a file, which stay in the socket until the peer
  // has acknowledged them. Pages cannot be sent where walcast encrypts them itself.
  runtime::IoResult send(std::span<const iovec> pieces, bool more);
  bool can_send_pages() const {
    loop_.assert_in_thread();
    return tls_ == nullptr || tls_->sends_in_kernel();
  }
  runtime::IoResult send_file(int file, std::uint64_t offset, std::size_t bytes);
  // Bytes that the socket has taken since the connection began, and how many of them the peer's TCP
  // has not acknowledged. The latter is a system call; none after close(). Under TLS the first are
  // the bytes of messages, and the second those of records, which are more.
  std::uint64_t written() const {
    loop_.assert_in_thread();
    return written_;
  }
  std::uint64_t unacknowledged() const;

  // One listener, or none.
  void set_close_listener(CloseListener* listener) {
    loop_.assert_in_thread();
    close_listener_ = listener;
  }

  // Asks for EPOLLOUT, or no longer. Nothing happens if that is so already.
  void set_blocked(bool blocked);
  bool blocked() const {
    loop_.assert_in_thread();
    return blocked_;
  }
  // Whether input is taken, or left in the socket to push back on the peer.
  void set_reading(bool reading);
  bool reading() const {
    loop_.assert_in_thread();
    return reading_;
  }

 private:
  static constexpr std::size_t kInputDroppedMax = std::size_t{1} << 20;

  std::size_t room_for(std::size_t bytes) const REQUIRES(loop_);
  void make_room(std::size_t bytes) REQUIRES(loop_);
  void update_interest() REQUIRES(loop_);
  runtime::IoResult send_encrypted(std::span<const iovec> pieces) REQUIRES(loop_);
  runtime::IoResult::Status flush_encrypted() REQUIRES(loop_);
  void count_encrypted() REQUIRES(loop_);

  runtime::Loop& loop_;
  runtime::Loop::Handler& handler_;
  runtime::UniqueFd fd_;
  std::unique_ptr<runtime::TlsChannel> tls_ GUARDED_BY(loop_);  // null: no TLS
  memctx::Context& overflow_context_;
  MemoryShare* const memory_;  // null: not counted
  std::array<std::byte, 96> inline_ GUARDED_BY(loop_);
  std::byte* bytes_ GUARDED_BY(loop_) = inline_.data();
  std::size_t capacity_ GUARDED_BY(loop_) = sizeof(inline_);
  std::size_t size_ GUARDED_BY(loop_) = 0;
  std::size_t sent_ GUARDED_BY(loop_) = 0;
  bool blocked_ GUARDED_BY(loop_) = false;
  bool reading_ GUARDED_BY(loop_) = true;
  std::uint64_t written_ GUARDED_BY(loop_) = 0;
  CloseListener* close_listener_ GUARDED_BY(loop_) = nullptr;
};

}  // namespace server::stream

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "memctx/context.h"
#include "server/wire/framer.h"

namespace server::session {

// The bytes that a client has sent and its session has not handled yet: mostly none, for whole
// messages are handled where they were received. The rest of a message is appended in place, so a
// byte is copied a bounded number of times however small the pieces are in which it comes. Of a
// client that logs in, which may send a password, nothing is left behind in memory.
//   Owner: Line.  Thread: its loop's.  Borrows: the session's context, whose child it makes.
//   Limits: kBytesMax; a few bytes are kept without an allocation.
class Input {
 public:
  // The most that comes with one call of receive().
  static constexpr std::size_t kReadBytesMax = 64 * 1024;
  // An unfinished message, and what came with its last byte.
  static constexpr std::size_t kBytesMax = wire::kLargeMessageBytesMax + kReadBytesMax;

  // Bytes that are consumed, moved or freed are overwritten, until stop_wiping().
  explicit Input(memctx::Context& session_context);
  ~Input();
  Input(const Input&) = delete;
  Input& operator=(const Input&) = delete;

  // Valid until append() or consume().
  std::span<const std::byte> bytes() const { return {bytes_ + begin_, end_ - begin_}; }
  std::size_t size() const { return end_ - begin_; }
  std::size_t room() const { return kBytesMax - size(); }

  // Says how many bytes the first message has in all, as far as that is known. Until they are there
  // nothing can be done with those that are.
  void want(std::size_t bytes) { wanted_ = bytes; }
  bool has_wanted() const { return size() >= wanted_; }

  // REQUIRES: no more than room().
  void append(std::span<const std::byte> bytes);
  // Forgets the first bytes. REQUIRES: there are so many.
  void consume(std::size_t bytes);

  // From now on nothing that comes is a secret. What is here already stays as it is.
  void stop_wiping() { wipes_ = false; }

  // Bytes overwritten so far; of all that was copied, if nothing is left.
  std::uint64_t wiped_for_test() const { return wiped_; }
  // Bytes copied so far, to append them or to make room.
  std::uint64_t copied_for_test() const { return copied_; }

 private:
  void make_room(std::size_t bytes);
  void move_to(std::byte* bytes, std::size_t capacity);
  void forget(std::size_t bytes);

  memctx::Context& session_context_;
  memctx::Context* context_;
  std::array<std::byte, 64> inline_;
  std::byte* bytes_ = inline_.data();
  std::size_t capacity_ = inline_.size();
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::size_t wanted_ = 0;
  std::uint64_t copied_ = 0;
  std::uint64_t wiped_ = 0;
  bool wipes_ = true;
};

}  // namespace server::session

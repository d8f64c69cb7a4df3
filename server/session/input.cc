#include "server/session/input.h"

#include <algorithm>
#include <cstring>

#include "runtime/check.h"
#include "server/auth/secret.h"
#include "server/wire/startup.h"

namespace server::session {

namespace {

memctx::Context& new_context(memctx::Context& session_context) {
  return session_context.create_child("Input", memctx::kSmallArena);
}

}  // namespace

// A message has at most a byte more than its length word says, and one that is kept lacks a byte.
static_assert(wire::kQueryBytesMax <= wire::kLargeMessageBytesMax);
static_assert(wire::kStartupPacketBytesMax <= wire::kLargeMessageBytesMax);

Input::Input(memctx::Context& session_context)
    : session_context_(session_context), context_(&new_context(session_context)) {}

Input::~Input() { forget(size()); }

void Input::append(std::span<const std::byte> bytes) {
  CHECK(bytes.size() <= room());
  if (bytes.empty()) return;
  if (bytes.size() > capacity_ - end_) make_room(bytes.size());
  std::memcpy(bytes_ + end_, bytes.data(), bytes.size());
  end_ += bytes.size();
  copied_ += bytes.size();
}

void Input::consume(std::size_t bytes) {
  CHECK(bytes <= size());
  forget(bytes);
  begin_ += bytes;
  if (begin_ < end_) return;
  begin_ = end_ = 0;
  if (bytes_ == inline_.data()) return;
  context_->reset();
  bytes_ = inline_.data();
  capacity_ = inline_.size();
}

// If less than half of the buffer would be full, what is kept moves to its front. Otherwise it
// moves to a buffer of twice the size, but of no more than the message wants. Either way as many
// bytes can be appended behind it without another move, unless the message is whole before.
void Input::make_room(std::size_t bytes) {
  const std::size_t needed = size() + bytes;
  if (2 * needed <= capacity_) return move_to(bytes_, capacity_);
  const std::size_t capacity = std::min(2 * needed, wanted_ > needed ? wanted_ : kBytesMax);
  memctx::Context& smaller = *context_;
  context_ = &new_context(session_context_);
  move_to(static_cast<std::byte*>(context_->allocate(capacity)), capacity);
  session_context_.delete_child(smaller);
}

// Bytes that move within a buffer move to the front of one that is less than half full, from the
// end of it: the two places have no byte in common.
void Input::move_to(std::byte* bytes, std::size_t capacity) {
  DCHECK(bytes != bytes_ || begin_ >= size());
  std::memcpy(bytes, bytes_ + begin_, size());
  copied_ += size();
  forget(size());
  end_ -= begin_;
  begin_ = 0;
  bytes_ = bytes;
  capacity_ = capacity;
}

// Overwrites the first bytes where they are, if they may be a secret.
void Input::forget(std::size_t bytes) {
  if (!wipes_) return;
  auth::wipe({bytes_ + begin_, bytes});
  wiped_ += bytes;
}

}  // namespace server::session

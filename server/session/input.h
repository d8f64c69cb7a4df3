#pragma once

#include <array>
#include <cstddef>
#include <cstring>
#include <span>

#include "memctx/context.h"
#include "runtime/check.h"

namespace server::session {

// The bytes that a session has received and not yet understood. While messages come whole, which is
// nearly always, nothing is kept and nothing is allocated: they are read from a buffer that all
// sessions of a loop share.
//   Owner: Session.  Thread: its loop's.  Borrows: the session's context.
class Input {
 public:
  explicit Input(memctx::Context& session_context)
      : context_(session_context.create_child("Input", memctx::kSmallArena)) {}

  std::size_t size() const { return size_; }

  // Puts the kept bytes at the front of `buffer` and forgets them. Returns how many there were.
  std::size_t restore(std::span<std::byte> buffer) {
    CHECK(size_ <= buffer.size());
    std::memcpy(buffer.data(), bytes_, size_);
    const std::size_t restored = size_;
    size_ = 0;
    return restored;
  }

  // REQUIRES: nothing is kept.
  void keep(std::span<const std::byte> bytes) {
    CHECK(size_ == 0);
    if (bytes.size() <= inline_.size()) {
      if (bytes_ != inline_.data()) context_.reset();
      bytes_ = inline_.data();
    } else {
      context_.reset();
      bytes_ = static_cast<std::byte*>(context_.allocate(bytes.size()));
    }
    std::memcpy(bytes_, bytes.data(), bytes.size());
    size_ = bytes.size();
  }

 private:
  memctx::Context& context_;
  std::array<std::byte, 64> inline_;
  std::byte* bytes_ = inline_.data();
  std::size_t size_ = 0;
};

}  // namespace server::session

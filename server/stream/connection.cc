#include "server/stream/connection.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace server::stream {

using runtime::IoResult;

Connection::Connection(runtime::Loop& loop, runtime::Loop::Handler& handler, runtime::UniqueFd fd,
                       memctx::Context& session_context)
    : loop_(loop),
      handler_(handler),
      fd_(std::move(fd)),
      overflow_context_(session_context.create_child("Output", memctx::kSmallArena)) {
  loop_.watch(fd_.get(), EPOLLIN, handler_);
}

Connection::~Connection() { loop_.unwatch(fd_.get()); }

void Connection::queue(std::span<const std::byte> bytes) {
  if (bytes.size() > capacity_ - size_) {
    const std::size_t waiting = queued_bytes();
    const std::size_t capacity = std::max<std::size_t>(2 * (waiting + bytes.size()), 1024);
    auto* grown = static_cast<std::byte*>(overflow_context_.allocate(capacity));
    std::memcpy(grown, bytes_ + sent_, waiting);
    bytes_ = grown;
    capacity_ = capacity;
    size_ = waiting;
    sent_ = 0;
  }
  std::memcpy(bytes_ + size_, bytes.data(), bytes.size());
  size_ += bytes.size();
}

IoResult::Status Connection::flush() {
  while (sent_ < size_) {
    const iovec piece{bytes_ + sent_, size_ - sent_};
    const IoResult result = runtime::send_vector(fd_.get(), {&piece, 1}, /*more=*/false);
    if (result.status != IoResult::Status::kDone) return result.status;
    sent_ += result.bytes;
  }
  if (bytes_ != inline_.data()) {
    overflow_context_.reset();
    bytes_ = inline_.data();
    capacity_ = sizeof(inline_);
  }
  size_ = sent_ = 0;
  return IoResult::Status::kDone;
}

void Connection::set_blocked(bool blocked) {
  if (blocked == blocked_) return;
  blocked_ = blocked;
  update_interest();
}

void Connection::set_reading(bool reading) {
  if (reading == reading_) return;
  reading_ = reading;
  update_interest();
}

void Connection::update_interest() {
  const std::uint32_t in = reading_ ? EPOLLIN : 0u;
  const std::uint32_t out = blocked_ ? EPOLLOUT : 0u;
  loop_.rewatch(fd_.get(), in | out, handler_);
}

}  // namespace server::stream

#include "server/stream/connection.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "runtime/check.h"
#include "runtime/probes.h"

namespace server::stream {

using runtime::IoResult;

Connection::Connection(runtime::Loop& loop, runtime::Loop::Handler& handler, runtime::UniqueFd fd,
                       memctx::Context& session_context, MemoryShare* memory)
    : loop_(loop),
      handler_(handler),
      fd_(std::move(fd)),
      overflow_context_(session_context.create_child("Output", memctx::kSmallArena)),
      memory_(memory) {
  loop_.watch(fd_.get(), EPOLLIN, handler_);
}

Connection::~Connection() { close(); }

// A socket that is closed with input in it resets the connection, and what was sent last may be
// lost on its way. What has come until now is thrown away first, up to a bound.
void Connection::close() {
  if (!fd_) return;
  loop_.assert_in_thread();
  loop_.unwatch(fd_.get());
  if (close_listener_ != nullptr) close_listener_->before_close();
  if (tls_ != nullptr) tls_->say_end();
  std::size_t dropped = 0;
  while (dropped < kInputDroppedMax) {
    const IoResult result = runtime::discard(fd_.get(), kInputDroppedMax);
    if (result.status != IoResult::Status::kDone) break;
    dropped += result.bytes;
  }
  tls_.reset();
  fd_.reset();
}

std::optional<runtime::TlsAgreement> Connection::tls_agreement() const {
  loop_.assert_in_thread();
  if (tls_ == nullptr) return std::nullopt;
  auto agreed = tls_->agreement();
  return agreed ? std::optional(std::move(agreed).value()) : std::nullopt;
}

runtime::UniqueFd Connection::lend() {
  loop_.assert_in_thread();
  CHECK(fd_ && tls_ == nullptr && queued_bytes() == 0);
  loop_.unwatch(fd_.get());
  return std::move(fd_);
}

void Connection::take_back(runtime::UniqueFd fd, std::unique_ptr<runtime::TlsChannel> tls) {
  loop_.assert_in_thread();
  CHECK(!fd_ && fd && queued_bytes() == 0);
  fd_ = std::move(fd);
  tls_ = std::move(tls);
  reading_ = true;
  blocked_ = false;
  loop_.watch(fd_.get(), EPOLLIN, handler_);
}

IoResult Connection::receive(std::span<std::byte> buffer) {
  loop_.assert_in_thread();
  if (tls_ == nullptr) return runtime::receive(fd_.get(), buffer);
  const bool waited = input_waits_for_output();
  const IoResult result = tls_->receive(buffer);
  count_encrypted();
  if (input_waits_for_output() != waited) update_interest();
  return result;
}

void Connection::queue(std::span<const std::byte> bytes) {
  loop_.assert_in_thread();
  if (bytes.size() > capacity_ - size_) make_room(bytes.size());
  std::memcpy(bytes_ + size_, bytes.data(), bytes.size());
  size_ += bytes.size();
}

void Connection::queue_first(std::span<const std::byte> header, std::span<const std::byte> body) {
  loop_.assert_in_thread();
  CHECK(sent_ == 0);
  const std::size_t bytes = header.size() + body.size();
  if (bytes > capacity_ - size_) make_room(bytes);
  std::memmove(bytes_ + bytes, bytes_, size_);
  std::memcpy(bytes_, header.data(), header.size());
  std::memcpy(bytes_ + header.size(), body.data(), body.size());
  size_ += bytes;
}

// The buffer that takes so many bytes behind those that wait.
std::size_t Connection::room_for(std::size_t bytes) const {
  return std::max<std::size_t>({2 * capacity_, room_for_one(queued_bytes() + bytes), 1024});
}

// Where an eighth of the buffer stays free, what waits moves to its front; so a queue that never
// runs empty does not grow without end. For each byte that is queued, eight move at most.
void Connection::make_room(std::size_t bytes) {
  const std::size_t waiting = queued_bytes();
  const std::byte* from = bytes_ + sent_;
  if (waiting + bytes > capacity_ - capacity_ / 8) {
    capacity_ = room_for(bytes);
    bytes_ = static_cast<std::byte*>(overflow_context_.allocate(capacity_));
    if (memory_ != nullptr) memory_->count();
  }
  std::memmove(bytes_, from, waiting);
  size_ = waiting;
  sent_ = 0;
}

IoResult::Status Connection::flush() {
  loop_.assert_in_thread();
  while (sent_ < size_) {
    const iovec piece{bytes_ + sent_, size_ - sent_};
    const IoResult result = send({&piece, 1}, /*more=*/false);
    if (result.status != IoResult::Status::kDone) return result.status;
    sent_ += result.bytes;
  }
  if (bytes_ != inline_.data()) {
    overflow_context_.reset();
    if (memory_ != nullptr) memory_->count();
    bytes_ = inline_.data();
    capacity_ = sizeof(inline_);
  }
  size_ = sent_ = 0;
  return tls_ != nullptr ? flush_encrypted() : IoResult::Status::kDone;
}

IoResult Connection::send(std::span<const iovec> pieces, bool more) {
  loop_.assert_in_thread();
  const IoResult result =
      tls_ != nullptr ? send_encrypted(pieces) : runtime::send_vector(fd_.get(), pieces, more);
  if (result.status == IoResult::Status::kDone) written_ += result.bytes;
  return result;
}

IoResult Connection::send_file(int file, std::uint64_t offset, std::size_t bytes) {
  loop_.assert_in_thread();
  DCHECK(can_send_pages());
  const IoResult result = tls_ != nullptr ? tls_->send_file(file, offset, bytes)
                                          : runtime::send_file(fd_.get(), file, offset, bytes);
  if (result.status == IoResult::Status::kDone) written_ += result.bytes;
  return result;
}

IoResult Connection::send_encrypted(std::span<const iovec> pieces) {
  const IoResult result = tls_->send(pieces);
  count_encrypted();
  return result;
}

IoResult::Status Connection::flush_encrypted() {
  const IoResult::Status status = tls_->flush();
  count_encrypted();
  return status;
}

// A record that the socket has not taken is kept by OpenSSL, and its plain text by the channel.
void Connection::count_encrypted() {
  if (memory_ == nullptr) return;
  memory_->set_outside(tls_->has_unsent() ? runtime::TlsChannel::kUnsentMemoryBytes : 0);
}

std::uint64_t Connection::unacknowledged() const {
  loop_.assert_in_thread();
  return fd_ ? runtime::unacknowledged_bytes(fd_.get()) : 0;
}

void Connection::set_blocked(bool blocked) {
  loop_.assert_in_thread();
  if (blocked == blocked_) return;
  blocked_ = blocked;
  if (blocked) runtime::probes::socket_full(fd_.get(), queued_bytes());
  update_interest();
}

void Connection::set_reading(bool reading) {
  loop_.assert_in_thread();
  if (reading == reading_) return;
  reading_ = reading;
  update_interest();
}

void Connection::update_interest() {
  if (!fd_) return;
  const bool waits = input_waits_for_output();
  const std::uint32_t in = reading_ && !waits ? EPOLLIN : 0u;
  const bool wants_room = (blocked_ && !output_waits_for_input()) || (reading_ && waits);
  const std::uint32_t out = wants_room ? EPOLLOUT : 0u;
  loop_.rewatch(fd_.get(), in | out, handler_);
}

}  // namespace server::stream

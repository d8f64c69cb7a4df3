#include "bench/walbench/channel.h"

#include <array>
#include <cerrno>
#include <utility>

#include "bench/walbench/failures.h"
#include "bench/walbench/frontend.h"
#include "bench/walbench/source_address.h"
#include "runtime/arrival.h"
#include "runtime/check.h"
#include "runtime/errors.h"

namespace bench::walbench {

using runtime::IoResult;

runtime::Result<void> Channel::connect(const runtime::SocketAddress& address,
                                       const std::optional<runtime::SocketAddress>& source) {
  CHECK(!is_open());
  fd_ = TRY(source.has_value() ? connect_from(*source, address) : runtime::connect_to(address));
  interest_ = EPOLLOUT;
  loop_.watch(fd_.get(), interest_, handler_);
  return {};
}

int Channel::connected() {
  const int error = runtime::connect_error(fd_.get());
  if (error == 0) update_interest();
  return error;
}

void Channel::close() {
  if (!is_open()) return;
  loop_.unwatch(fd_.get());
  fd_.reset();
  tls_.reset();
  tls_is_asked_for_ = false;
  unsent_.clear();
  notes_arrivals_ = false;
  paused_ = false;
}

void Channel::note_arrivals() {
  runtime::note_arrivals(fd_.get());
  notes_arrivals_ = true;
}

runtime::Result<void> Channel::ask_for_tls(const TlsClientContext& context) {
  tls_context_ = &context;
  tls_is_asked_for_ = true;
  if (send(kSslRequest)) return {};
  return runtime::Error{.kind = &kConnectionLost, .what = "could not send SSL negotiation packet"};
}

runtime::Result<bool> Channel::shake_hands() {
  if (tls_is_asked_for_) {
    const bool answered = TRY(take_tls_answer());
    if (!answered) return false;
    tls_.emplace(*tls_context_);
  } else {
    const IoResult fed = feed_tls();
    if (fed.status == IoResult::Status::kEnd || fed.status == IoResult::Status::kFailed) {
      return runtime::Error{.kind = &kConnectionLost,
                            .what = "server closed the connection in the SSL handshake"};
    }
  }
  const auto done = tls_->shake_hands();
  tls_->take_output(unsent_);  // an alert, if it has failed
  if (!flush() && done) {
    return runtime::Error{.kind = &kConnectionLost, .what = "could not send SSL handshake"};
  }
  return done;
}

// A byte alone: what stood behind it in the socket would not have come over TLS.
runtime::Result<bool> Channel::take_tls_answer() {
  std::array<std::byte, 1> answer;
  const IoResult result = receive_from_socket(answer);
  if (result.status == IoResult::Status::kBlocked) return false;
  if (result.status != IoResult::Status::kDone) {
    return runtime::Error{.kind = &kConnectionLost,
                          .what = "server closed the connection at the SSL negotiation"};
  }
  if (answer[0] != std::byte{'S'}) {
    return runtime::Error{.kind = &kConnectFailed,
                          .what = "server does not support SSL, but SSL was required"};
  }
  tls_is_asked_for_ = false;
  return true;
}

IoResult Channel::receive_from_socket(std::span<std::byte> buffer) {
  return notes_arrivals_ ? receive_at(fd_.get(), buffer, arrived_at_)
                         : runtime::receive(fd_.get(), buffer);
}

IoResult Channel::feed_tls() {
  std::array<std::byte, kEncryptedReadBytes> encrypted;
  const IoResult result = receive_from_socket(encrypted);
  if (result.status == IoResult::Status::kDone) {
    tls_->feed(std::span(encrypted).first(result.bytes));
  }
  return result;
}

IoResult Channel::receive(std::span<std::byte> buffer) {
  if (!tls_) return receive_from_socket(buffer);
  for (;;) {
    const auto bytes = tls_->read(buffer);
    if (!bytes) return {.status = IoResult::Status::kFailed, .sys_errno = EPROTO};
    if (*bytes > 0) return {.status = IoResult::Status::kDone, .bytes = *bytes};
    const IoResult fed = feed_tls();
    if (fed.status != IoResult::Status::kDone) return fed;
  }
}

IoResult Channel::discard(std::size_t bytes_max) {
  DCHECK(!tls_);
  return runtime::discard(fd_.get(), bytes_max);
}

bool Channel::send(std::span<const std::byte> bytes) {
  const bool waited = has_unsent();
  if (!tls_) {
    unsent_.insert(unsent_.end(), bytes.begin(), bytes.end());
  } else {
    if (!tls_->write(bytes)) return false;
    tls_->take_output(unsent_);
  }
  return waited || flush();
}

bool Channel::flush() {
  while (has_unsent()) {
    const iovec piece{unsent_.data(), unsent_.size()};
    const IoResult result = runtime::send_vector(fd_.get(), {&piece, 1}, /*more=*/false);
    if (result.status == IoResult::Status::kFailed) return false;
    if (result.status == IoResult::Status::kBlocked) break;
    unsent_.erase(unsent_.begin(), unsent_.begin() + static_cast<std::ptrdiff_t>(result.bytes));
  }
  update_interest();
  return true;
}

void Channel::pause_reading(bool pause) {
  paused_ = pause;
  update_interest();
}

void Channel::update_interest() {
  // A connection that breaks meanwhile is told of once, and not again and again.
  const std::uint32_t in = paused_ ? EPOLLET : EPOLLIN;
  const std::uint32_t out = has_unsent() ? EPOLLOUT : 0u;
  if (interest_ == (in | out)) return;
  interest_ = in | out;
  loop_.rewatch(fd_.get(), interest_, handler_);
}

}  // namespace bench::walbench

#include "server/session/handshake.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

#include "runtime/check.h"
#include "runtime/socket.h"

namespace server::session {

using runtime::TlsChannel;

namespace {

constexpr std::uint32_t kGone = EPOLLRDHUP | EPOLLHUP | EPOLLERR;
constexpr std::size_t kHeaderBytes = 5;

// How long the first record is by its first bytes: one of a handshake (RFC 8446, 5.1), or the
// greeting of SSL 2 that TLS 1.2 still knows (RFC 5246, E.2). Of all else OpenSSL wants no more.
std::size_t first_record_bytes(const std::array<std::byte, kHeaderBytes>& header) {
  constexpr std::byte kHandshake{0x16};
  const auto number = [&](std::size_t at, std::size_t high_mask) {
    return (std::to_integer<std::size_t>(header[at]) & high_mask) << 8 |
           std::to_integer<std::size_t>(header[at + 1]);
  };
  if (header[0] == kHandshake) return kHeaderBytes + number(3, 0xff);
  if ((header[0] & std::byte{0x80}) != std::byte{}) return 2 + number(0, 0x7f);
  return kHeaderBytes;
}

bool has_first_record(int fd) {
  std::array<std::byte, kHeaderBytes> header{};
  const runtime::IoResult shown = runtime::peek(fd, header);
  if (shown.status == runtime::IoResult::Status::kBlocked) return false;
  if (shown.status != runtime::IoResult::Status::kDone) return true;  // the first step finds out
  return shown.bytes == header.size() &&
         runtime::unread_bytes(fd) >=
             std::min(first_record_bytes(header), TlsChannel::kRecordBytesMax);
}

}  // namespace

Handshake::Handshake(runtime::Loop& loop, HandshakeQueue& queue, Owner& owner, const Origin& origin,
                     std::shared_ptr<const runtime::TlsContext> context, runtime::UniqueFd socket)
    : HandshakeQueue::Waiter(origin.number()),
      loop_(loop),
      queue_(queue),
      owner_(owner),
      socket_{.fd = std::move(socket), .context = std::move(context), .channel = nullptr} {
  // Bytes that have come stay in the socket, so epoll is to tell of further ones only.
  wait_for(EPOLLIN | EPOLLRDHUP | EPOLLET);
}

Handshake::~Handshake() {
  if (watched_) loop_.unwatch(socket_.fd.get());
  queue_.remove(*this);
}

void Handshake::wait_for(std::uint32_t events) {
  DCHECK(!watched_);
  loop_.watch(socket_.fd.get(), events, *this);
  watched_ = true;
}

// Also when the client is gone: the step finds out.
void Handshake::on_ready(std::uint32_t events) {
  loop_.assert_in_thread();
  if (!watched_) return;
  if (!has_begun() && (events & kGone) == 0 && !has_first_record(socket_.fd.get())) return;
  loop_.unwatch(socket_.fd.get());
  watched_ = false;
  queue_.push(*this);
}

void Handshake::on_step(ShakingSocket socket, TlsChannel::Step step) {
  loop_.assert_in_thread();
  socket_ = std::move(socket);
  switch (step) {
    case TlsChannel::Step::kWantsInput:
      return wait_for(EPOLLIN);
    case TlsChannel::Step::kWantsOutput:
      return wait_for(EPOLLOUT);
    case TlsChannel::Step::kDone:
      return finish();
    case TlsChannel::Step::kFailed:
      return fail(socket_.channel->failure());
  }
}

void Handshake::finish() {
  auto agreed = socket_.channel->agreement();
  if (!agreed) return fail(agreed.error());
  owner_.on_tls_agreed(std::move(socket_), *std::move(agreed));
}

void Handshake::fail(runtime::Error error) { owner_.on_tls_failed(std::move(socket_), error); }

std::shared_ptr<const auth::TlsState> describe_tls(const runtime::TlsContext& context,
                                                   runtime::TlsAgreement agreed) {
  auto state = std::make_shared<auth::TlsState>();
  state->end_point = context.end_point();
  if (agreed.client) {
    state->client = {.common_name = std::move(agreed.client->common_name),
                     .distinguished_name = std::move(agreed.client->distinguished_name)};
  }
  return state;
}

}  // namespace server::session

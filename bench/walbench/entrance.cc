#include "bench/walbench/entrance.h"

#include <cerrno>
#include <system_error>

#include "bench/walbench/failures.h"
#include "bench/walbench/source_address.h"
#include "runtime/check.h"
#include "runtime/format.h"

namespace bench::walbench {

using runtime::Result;

namespace {

runtime::Error connect_failed(const runtime::SocketAddress& address, int sys_errno) {
  return {
      .kind = &kConnectFailed,
      .what = runtime::format("could not connect: {}", std::generic_category().message(sys_errno)),
      .detail = address.text(),
      .sys_errno = sys_errno};
}

}  // namespace

// A name may stand for several addresses of which only some are listened on, as localhost does.
Result<void> Entrance::connect() {
  const auto addresses = berth_.port.addresses;
  int sys_errno = 0;
  while (next_address_ < addresses.size()) {
    channel_.close();
    const runtime::SocketAddress& address = addresses[next_address_++];
    const auto connecting = channel_.connect(address, source_address(options_.standby, address));
    if (connecting) return {};
    sys_errno = connecting.error().sys_errno;
  }
  return connect_failed(addresses.back(), sys_errno);
}

Result<void> Entrance::on_ready(std::uint32_t events) {
  if (stage_ == Stage::kConnecting) return on_connected();
  if ((events & EPOLLOUT) != 0 && !channel_.flush()) {
    return connection_lost("could not send", ECONNRESET);
  }
  const bool done = TRY(channel_.shake_hands());
  return done ? begin_login() : Result<void>{};
}

Result<void> Entrance::on_connected() {
  const int error = channel_.connected();
  if (error != 0) {
    if (next_address_ < berth_.port.addresses.size()) return connect();
    return connect_failed(berth_.port.addresses.back(), error);
  }
  if (berth_.notes_arrivals()) channel_.note_arrivals();
  if (options_.tls == nullptr) return begin_login();
  stage_ = Stage::kHandshake;
  return channel_.ask_for_tls(*options_.tls);
}

Result<void> Entrance::begin_login() {
  stage_ = Stage::kLogin;
  return send(Login::greeting(
      options_.user,
      runtime::format("{}_{}", berth_.options().application_name, options_.standby)));
}

Result<void> Entrance::resume(const StreamPlan& plan) {
  stage_ = Stage::kLogin;
  return send(login_.resume(plan));
}

Result<std::optional<StreamPlan>> Entrance::on_message(const BackendMessage& message) {
  auto step = TRY(login_.on_message(message));
  if (!step.send.empty()) TRY(send(step.send));
  return step.stream;
}

Result<void> Entrance::send(std::span<const std::byte> bytes) {
  if (channel_.send(bytes)) return {};
  return connection_lost("could not send", ECONNRESET);
}

const char* Entrance::waits_for() const {
  switch (stage_) {
    case Stage::kConnecting:
      return "connecting";
    case Stage::kHandshake:
      return "the SSL handshake";
    case Stage::kLogin:
      return login_.waits_for();
  }
  UNREACHABLE();
}

}  // namespace bench::walbench

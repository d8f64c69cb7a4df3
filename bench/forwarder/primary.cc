#include "bench/forwarder/primary.h"

#include <netinet/tcp.h>

#include "bench/forwarder/socket.h"
#include "bench/walbench/failures.h"
#include "bench/walbench/login.h"
#include "runtime/format.h"

namespace bench::forwarder {

using runtime::Result;
using server::wal::Lsn;

namespace {

template <typename Container>
std::string_view text_of(const Container& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

runtime::Error protocol_error(std::string what) {
  return {.kind = &walbench::kServerProtocol, .what = std::move(what)};
}

}  // namespace

Result<void> Primary::connect(std::uint16_t port) {
  history_.reserve(kHistoryBytesMax);
  fd_.reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_in address = loopback(port);
  if (::connect(fd(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    return socket_error(runtime::format("could not connect to port {}", port));
  }
  set_option(fd(), IPPROTO_TCP, TCP_NODELAY, 1);
  return log_in();
}

Result<void> Primary::log_in() {
  say(text_of(walbench::startup_message(
      {{"user", "postgres"}, {"replication", "true"}, {"application_name", "forwarder"}})));
  TRY(row_before('Z'));
  const Texts identity = TRY(ask("IDENTIFY_SYSTEM", /*columns=*/4));
  const Texts shown = TRY(ask("SHOW wal_segment_size", /*columns=*/1));
  const auto position = server::wal::parse_lsn(identity[2]);
  const auto size = walbench::parse_segment_size(shown[0]);
  if (!position || !size) return protocol_error("no position, or no segment size");
  facts_ = {.system = identity[0], .timeline = identity[1], .segment_size = shown[0]};
  end_ = *position - size->offset(*position);
  say(text_of(
      walbench::query(runtime::format("START_REPLICATION {} TIMELINE {}", end_, facts_.timeline))));
  TRY(row_before('W'));
  return {};
}

Result<Primary::Texts> Primary::ask(std::string_view command, std::size_t columns) {
  say(text_of(walbench::query(command)));
  Texts row = TRY(row_before('Z'));
  if (row.size() != columns) return protocol_error(runtime::format("answer to {}", command));
  return row;
}

Result<Primary::Texts> Primary::row_before(char type) {
  Texts texts;
  while (true) {
    const auto message = input_.next();
    if (message.empty()) {
      if (input_.read(fd(), /*flags=*/0)) continue;
      return runtime::Error{.kind = &walbench::kConnectionLost, .what = "the primary has closed"};
    }
    if (message[0] == 'E') return walbench::parse_server_error(body_of(message));
    if (message[0] == type) return texts;
    if (message[0] != 'D') continue;
    texts.clear();
    for (const auto& value : TRY(walbench::parse_row(body_of(message)))) {
      texts.emplace_back(value.value_or(""));
    }
  }
}

std::string_view Primary::since(Lsn from) const {
  CHECK(begin() <= from && from <= end());
  return std::string_view(history_).substr(from - begin());
}

void Primary::confirm() {
  say(text_of(walbench::status_update(end_, wall_now(), /*reply_requested=*/false)));
}

void Primary::keep(std::string_view wal) {
  CHECK(wal.size() <= kHistoryBytesMax / 2);
  if (history_.size() + wal.size() > kHistoryBytesMax) history_.erase(0, kHistoryBytesMax / 2);
  history_ += wal;
  end_ += wal.size();
}

// A primary that is gone is found out by the next read.
void Primary::say(std::string_view bytes) const {
  static_cast<void>(::send(fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL));
}

}  // namespace bench::forwarder

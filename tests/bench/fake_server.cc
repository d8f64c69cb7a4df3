#include "tests/bench/fake_server.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <memory_resource>
#include <utility>

#include "runtime/check.h"
#include "runtime/socket.h"
#include "server/wire/codec.h"
#include "server/wire/message.h"
#include "server/wire/replication.h"

namespace bench::walbench {

using server::wire::MessageWriter;

namespace {

template <typename Write>
void compose(Peer& peer, Write write) {
  MessageWriter writer(std::pmr::new_delete_resource());
  write(writer);
  peer.send(writer.bytes());
}

runtime::UniqueFd listen_anywhere() {
  const auto addresses = runtime::resolve("127.0.0.1", 0);
  CHECK(addresses.has_value());
  auto fd = runtime::listen_on(addresses->front(), 16);
  CHECK(fd.has_value());
  return std::move(fd).value();
}

runtime::UniqueFd accept_one(int listen_fd) {
  pollfd ready{.fd = listen_fd, .events = POLLIN, .revents = 0};
  CHECK(::poll(&ready, 1, -1) == 1);  // or the socket has been shut down
  return runtime::UniqueFd(::accept4(listen_fd, nullptr, nullptr, SOCK_CLOEXEC));
}

}  // namespace

Peer::Peer(runtime::UniqueFd fd) : fd_(std::move(fd)) {
  const int on = 1;
  CHECK(::setsockopt(fd_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == 0);
}

bool Peer::fill(std::span<std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t got = ::recv(fd_.get(), bytes.data(), bytes.size(), MSG_WAITALL);
    if (got <= 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(got));
  }
  return true;
}

Peer::Message Peer::receive() {
  std::array<std::byte, 5> header;
  if (!fill(header)) return {};
  Message message{.type = static_cast<char>(header[0]), .body = {}};
  message.body.resize(server::wire::load_big_endian<std::uint32_t>(&header[1]) - 4);
  return fill(message.body) ? message : Message{};
}

Peer::Message Peer::receive(char type) {
  Message message = receive();
  while (message.type != type && message.type != 0) message = receive();
  return message;
}

void Peer::send(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0) return;
    bytes = bytes.subspan(static_cast<std::size_t>(sent));
  }
}

void Peer::send_wal(std::uint64_t start, std::string_view wal) {
  send(server::wire::encode_xlog_data_header(start, start + wal.size(), 0,
                                             static_cast<std::uint32_t>(wal.size())));
  send(std::as_bytes(std::span(wal)));
}

void Peer::send_keepalive(bool reply_requested) {
  send(server::wire::encode_keepalive(0, 0, reply_requested));
}

void Peer::send_copy_done() {
  compose(*this, [](MessageWriter& w) { w.copy_done(); });
}

void Peer::send_stream_end() {
  compose(*this, [](MessageWriter& w) {
    w.copy_done();
    w.command_complete("START_STREAMING");
    w.command_complete("START_REPLICATION");
    w.ready_for_query();
  });
}

void Peer::send_shutdown() {
  compose(*this, [](MessageWriter& w) { w.command_complete("COPY 0"); });
}

void Peer::send_error(const runtime::Error& error) {
  compose(*this,
          [&](MessageWriter& w) { w.error_response(server::wire::Severity::kError, error); });
}

bool Peer::log_in() {
  std::array<std::byte, 4> length;
  if (!fill(length)) return false;
  std::vector<std::byte> packet(server::wire::load_big_endian<std::uint32_t>(length.data()) - 4);
  if (!fill(packet)) return false;
  compose(*this, [](MessageWriter& w) {
    w.authentication_ok();
    w.ready_for_query();
  });
  receive('Q');
  compose(*this, [](MessageWriter& w) {
    w.data_row({"1", "1", "0/1000028", std::nullopt});
    w.ready_for_query();
  });
  receive('Q');
  compose(*this, [](MessageWriter& w) {
    w.data_row({"1MB"});
    w.ready_for_query();
  });
  if (receive_command().starts_with("CREATE_REPLICATION_SLOT")) {
    slot_command_ = command_;
    compose(*this, [](MessageWriter& w) {
      w.data_row({"standby_0", "0/0", std::nullopt, std::nullopt});
      w.command_complete("CREATE_REPLICATION_SLOT");
      w.ready_for_query();
    });
    receive_command();
  }
  send_copy_both();
  return !command_.empty();
}

std::string Peer::receive_command() {
  const Message query = receive('Q');
  command_ = query.type == 0 ? "" : reinterpret_cast<const char*>(query.body.data());
  return command_;
}

void Peer::send_done(std::string_view tag) {
  compose(*this, [&](MessageWriter& w) {
    w.command_complete(tag);
    w.ready_for_query();
  });
}

void Peer::send_copy_both() {
  compose(*this, [](MessageWriter& w) { w.copy_both_response(); });
}

void Peer::send_next_timeline(std::string_view timeline, std::string_view start) {
  compose(*this, [&](MessageWriter& w) {
    w.data_row({timeline, start});
    w.command_complete("START_STREAMING");
    w.command_complete("START_REPLICATION");
    w.ready_for_query();
  });
}

FakeServer::FakeServer(std::size_t connections, Script script)
    : listen_fd_(listen_anywhere()),
      port_(runtime::local_address(listen_fd_.get()).port()),
      thread_("fake-server", [this, connections, run = std::move(script)](memctx::Context&) {
        for (std::size_t i = 0; i < connections; ++i) {
          runtime::UniqueFd fd = accept_one(listen_fd_.get());
          if (!fd) return;
          Peer peer(std::move(fd));
          run(peer);
        }
      }) {}

void FakeServer::stop() {
  CHECK(::shutdown(listen_fd_.get(), SHUT_RD) == 0);
  thread_.join();
}

}  // namespace bench::walbench

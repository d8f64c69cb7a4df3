#include "bench/forwarder/dialogue.h"

#include <netinet/tcp.h>

#include <optional>
#include <sstream>
#include <utility>

#include "bench/forwarder/socket.h"
#include "runtime/format.h"
#include "server/wire/replication.h"

namespace bench::forwarder {

using server::wal::Lsn;
using server::wire::load_big_endian;

namespace {

constexpr std::uint32_t kSslRequest = 80877103;     // libpq/pqcomm.h
constexpr std::uint32_t kGssEncRequest = 80877104;  // libpq/pqcomm.h

// The first LSN among the words of a command.
std::optional<Lsn> lsn_in(std::string_view text) {
  std::istringstream words{std::string(text.substr(0, text.find('\0')))};
  for (std::string word; words >> word;) {
    if (const auto lsn = server::wal::parse_lsn(word)) return lsn;
  }
  return std::nullopt;
}

}  // namespace

Dialogue::Dialogue(runtime::UniqueFd fd, const Facts& facts) : fd_(std::move(fd)), facts_(facts) {
  set_option(fd_.get(), IPPROTO_TCP, TCP_NODELAY, 1);
}

bool Dialogue::on_readable() {
  if (!input_.read(fd(), MSG_DONTWAIT)) return false;
  while (true) {
    const bool startup = phase_ == Phase::kStartup;
    const auto message = input_.next(/*type_bytes=*/startup ? 0 : 1);
    if (message.empty()) return true;
    if (!(startup ? on_startup(message) : on_message(message))) return false;
  }
}

bool Dialogue::on_startup(std::string_view packet) {
  constexpr std::size_t kLengthAndCodeBytes = 8;
  if (packet.size() < kLengthAndCodeBytes) return false;
  const auto code =
      load_big_endian<std::uint32_t>(reinterpret_cast<const std::byte*>(packet.data()) + 4);
  if (code == kSslRequest || code == kGssEncRequest) return send("N");
  phase_ = Phase::kCommands;
  return answer(Answer()
                    .add('R', std::string(4, '\0'))
                    .parameter("server_version", "15.0")
                    .parameter("integer_datetimes", "on")
                    .add('K', std::string(8, '\0'))
                    .ready());
}

bool Dialogue::on_message(std::string_view message) {
  switch (message[0]) {
    case 'Q':
      return on_command(message.substr(kTypeAndLengthBytes));
    case 'd':
      return on_copy_data(body_of(message));
    case 'c':
      return on_copy_done();
    default:
      return message[0] != 'X';
  }
}

bool Dialogue::on_command(std::string_view text) {
  if (text.starts_with("IDENTIFY_SYSTEM")) {
    return answer(Answer()
                      .row({{"systemid", facts_.system},
                            {"timeline", facts_.timeline},
                            {"xlogpos", runtime::format("{}", end())},
                            {"dbname", std::nullopt}})
                      .done("IDENTIFY_SYSTEM"));
  }
  if (text.starts_with("SHOW wal_segment_size")) {
    return answer(Answer().row({{"wal_segment_size", facts_.segment_size}}).done("SHOW"));
  }
  if (text.starts_with("SHOW data_directory_mode")) {  // pg_receivewal's umask
    return answer(Answer().row({{"data_directory_mode", "0700"}}).done("SHOW"));
  }
  if (text.starts_with("START_REPLICATION")) return on_start_command(text);
  return answer(Answer().error("this server does not know the command"));
}

// The slot and the timeline that a standby names do not matter here.
bool Dialogue::on_start_command(std::string_view text) {
  const auto from = lsn_in(text);
  if (!from || !has(*from)) return answer(Answer().error("this server does not have the WAL"));
  phase_ = Phase::kStreaming;
  return answer(Answer().add('W', std::string(3, '\0'))) && on_start(*from);
}

// Positions are dropped, and only a question for a keepalive is answered.
bool Dialogue::on_copy_data(std::span<const std::byte> body) {
  const bool is_status = body.size() == server::wire::kStandbyStatusBytes;
  if (!is_status || body.back() == std::byte{0}) return true;
  return on_question();
}

bool Dialogue::send_keepalive() const {
  const auto keepalive = server::wire::encode_keepalive(end().value(), wall_now(), false);
  return send({reinterpret_cast<const char*>(keepalive.data()), keepalive.size()});
}

bool Dialogue::end_stream() {
  phase_ = Phase::kCommands;
  return answer(Answer().add('c', "").done("COPY 0"));
}

bool Dialogue::send(std::string_view bytes, int flags) const {
  const auto sent = ::send(fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL | flags);
  return sent == static_cast<ssize_t>(bytes.size());
}

}  // namespace bench::forwarder

#include "bench/forwarder/standby.h"

#include <netinet/tcp.h>
#include <sys/time.h>

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

constexpr std::size_t kChunkBytes = 128 * 1024;     // MAX_SEND_SIZE of walsender.c
constexpr std::uint32_t kSslRequest = 80877103;     // libpq/pqcomm.h
constexpr std::uint32_t kGssEncRequest = 80877104;  // libpq/pqcomm.h
constexpr timeval kPatience{.tv_sec = 10, .tv_usec = 0};

template <typename Container>
std::string_view text_of(const Container& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// The first LSN among the words of a command.
std::optional<Lsn> lsn_in(std::string_view text) {
  std::istringstream words{std::string(text.substr(0, text.find('\0')))};
  for (std::string word; words >> word;) {
    if (const auto lsn = server::wal::parse_lsn(word)) return lsn;
  }
  return std::nullopt;
}

}  // namespace

Standby::Standby(runtime::UniqueFd fd, const Primary& primary)
    : fd_(std::move(fd)), primary_(primary) {
  set_option(fd_.get(), IPPROTO_TCP, TCP_NODELAY, 1);
  set_option(fd_.get(), SOL_SOCKET, SO_SNDTIMEO, kPatience);
}

bool Standby::on_readable() {
  if (!input_.read(fd(), MSG_DONTWAIT)) return false;
  while (true) {
    const bool startup = phase_ == Phase::kStartup;
    const auto message = input_.next(/*type_bytes=*/startup ? 0 : 1);
    if (message.empty()) return true;
    if (!(startup ? on_startup(message) : on_message(message))) return false;
  }
}

bool Standby::forward(std::string_view messages) { return send(messages, MSG_DONTWAIT); }

bool Standby::on_startup(std::string_view packet) {
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

bool Standby::on_message(std::string_view message) {
  switch (message[0]) {
    case 'Q':
      return on_command(message.substr(kTypeAndLengthBytes));
    case 'd':
      return on_copy_data(body_of(message));
    case 'c':
      phase_ = Phase::kCommands;
      return answer(Answer().add('c', "").done("COPY 0"));
    default:
      return message[0] != 'X';
  }
}

bool Standby::on_command(std::string_view text) {
  if (text.starts_with("IDENTIFY_SYSTEM")) {
    return answer(Answer()
                      .row({{"systemid", primary_.system()},
                            {"timeline", primary_.timeline()},
                            {"xlogpos", runtime::format("{}", primary_.end())},
                            {"dbname", std::nullopt}})
                      .done("IDENTIFY_SYSTEM"));
  }
  if (text.starts_with("SHOW wal_segment_size")) {
    return answer(Answer().row({{"wal_segment_size", primary_.segment_size()}}).done("SHOW"));
  }
  if (text.starts_with("SHOW data_directory_mode")) {  // pg_receivewal's umask
    return answer(Answer().row({{"data_directory_mode", "0700"}}).done("SHOW"));
  }
  if (text.starts_with("START_REPLICATION")) return on_start(text);
  return answer(Answer().error("the forwarder does not know this command"));
}

// The slot and the timeline that a standby names do not matter here.
bool Standby::on_start(std::string_view text) {
  const auto from = lsn_in(text);
  if (!from || *from < primary_.begin() || *from > primary_.end()) {
    return answer(Answer().error("the forwarder does not have this WAL"));
  }
  phase_ = Phase::kStreaming;
  return answer(Answer().add('W', std::string(3, '\0'))) && send_since(*from);
}

// The WAL that came before the standby did. Waits until the socket has room for it.
bool Standby::send_since(Lsn from) {
  for (auto rest = primary_.since(from); !rest.empty(); from = primary_.end() - rest.size()) {
    const auto wal = rest.substr(0, kChunkBytes);
    const auto header = server::wire::encode_xlog_data_header(
        from.value(), primary_.end().value(), wall_now(), static_cast<std::uint32_t>(wal.size()));
    if (!send(text_of(header), MSG_MORE) || !send(wal)) return false;
    rest.remove_prefix(wal.size());
  }
  return true;
}

// Positions are dropped, and only a question for a keepalive is answered.
bool Standby::on_copy_data(std::span<const std::byte> body) {
  const bool is_status = body.size() == server::wire::kStandbyStatusBytes;
  if (!is_status || body.back() == std::byte{0}) return true;
  return send(text_of(server::wire::encode_keepalive(primary_.end().value(), wall_now(), false)));
}

bool Standby::send(std::string_view bytes, int flags) const {
  const auto sent = ::send(fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL | flags);
  return sent == static_cast<ssize_t>(bytes.size());
}

}  // namespace bench::forwarder

#include "bench/forwarder/standby.h"

#include <sys/time.h>

#include <utility>

#include "bench/forwarder/socket.h"
#include "server/wire/replication.h"

namespace bench::forwarder {

using server::wal::Lsn;

namespace {

constexpr std::size_t kChunkBytes = 128 * 1024;  // MAX_SEND_SIZE of walsender.c
constexpr timeval kPatience{.tv_sec = 10, .tv_usec = 0};

}  // namespace

Standby::Standby(runtime::UniqueFd connection, const Primary& primary)
    : Dialogue(std::move(connection), primary.facts()), primary_(primary) {
  set_option(fd(), SOL_SOCKET, SO_SNDTIMEO, kPatience);
}

bool Standby::forward(std::string_view messages) { return send(messages, MSG_DONTWAIT); }

bool Standby::on_start(Lsn from) {
  for (auto rest = primary_.since(from); !rest.empty(); from = primary_.end() - rest.size()) {
    const auto wal = rest.substr(0, kChunkBytes);
    const auto header = server::wire::encode_xlog_data_header(
        from.value(), primary_.end().value(), wall_now(), static_cast<std::uint32_t>(wal.size()));
    const std::string_view begin(reinterpret_cast<const char*>(header.data()), header.size());
    if (!send(begin, MSG_MORE) || !send(wal)) return false;
    rest.remove_prefix(wal.size());
  }
  return true;
}

}  // namespace bench::forwarder

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "bench/forwarder/answer.h"
#include "bench/forwarder/input.h"
#include "bench/forwarder/primary.h"
#include "runtime/fd.h"
#include "server/wal/lsn.h"

namespace bench::forwarder {

// One connection of a standby: as much of a walsender as walreceiver and pg_receivewal ask for. Its
// status messages are read and dropped.
//   Owner: Forwarder.  Thread: the only one.
//   Borrows: the primary.
//   Limits: kInputBytes per message of the standby.
class Standby {
 public:
  Standby(runtime::UniqueFd fd, const Primary& primary);

  int fd() const { return fd_.get(); }
  bool streams() const { return phase_ == Phase::kStreaming; }

  // False when the standby is gone, or is to go.
  bool on_readable();
  // Sends whole messages now. False when the socket has no room for it.
  bool forward(std::string_view messages);

 private:
  enum class Phase { kStartup, kCommands, kStreaming };

  static constexpr std::size_t kInputBytes = 16 * 1024;

  // Each is false when nothing can follow.
  bool on_startup(std::string_view packet);
  bool on_message(std::string_view message);
  bool on_command(std::string_view text);
  bool on_start(std::string_view text);
  bool on_copy_data(std::span<const std::byte> body);
  bool send_since(server::wal::Lsn from);
  bool send(std::string_view bytes, int flags = 0) const;
  bool answer(const Answer& answer) const { return send(answer.bytes()); }

  runtime::UniqueFd fd_;
  const Primary& primary_;
  Input input_{kInputBytes};
  Phase phase_ = Phase::kStartup;
};

}  // namespace bench::forwarder

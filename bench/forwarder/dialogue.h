#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "bench/forwarder/answer.h"
#include "bench/forwarder/input.h"
#include "runtime/fd.h"
#include "server/wal/lsn.h"

namespace bench::forwarder {

// What a standby is told of the server, as text.
struct Facts {
  std::string system;
  std::string timeline;
  std::string segment_size;  // as SHOW prints it
};

// One connection of a standby: as much of a walsender as walreceiver and pg_receivewal ask for. Its
// status messages are read and dropped.
//   Owner: the loop.  Thread: the loop's.
//   Borrows: the facts.
//   Limits: kInputBytes per message of the standby.
class Dialogue {
 public:
  Dialogue(runtime::UniqueFd fd, const Facts& facts);
  virtual ~Dialogue() = default;
  Dialogue(const Dialogue&) = delete;
  Dialogue& operator=(const Dialogue&) = delete;

  int fd() const { return fd_.get(); }
  bool streams() const { return phase_ == Phase::kStreaming; }

  // False when the standby is gone, or is to go.
  bool on_readable();

 protected:
  // Where the WAL ends that there is to send.
  virtual server::wal::Lsn end() const = 0;
  // Whether a stream may begin there.
  virtual bool has(server::wal::Lsn from) const = 0;
  // The next three are false when nothing can follow. The standby has been told that it streams.
  virtual bool on_start(server::wal::Lsn from) = 0;
  // The standby wants to be told where the WAL ends.
  virtual bool on_question() = 0;
  // The standby streams no more, and waits for the same word.
  virtual bool on_copy_done() = 0;

  // All of it, at once. False when the socket has no room for it.
  bool send(std::string_view bytes, int flags = 0) const;
  bool answer(const Answer& answer) const { return send(answer.bytes()); }
  bool send_keepalive() const;
  bool end_stream();

 private:
  enum class Phase { kStartup, kCommands, kStreaming };

  static constexpr std::size_t kInputBytes = 16 * 1024;

  // Each is false when nothing can follow.
  bool on_startup(std::string_view packet);
  bool on_message(std::string_view message);
  bool on_command(std::string_view text);
  bool on_start_command(std::string_view text);
  bool on_copy_data(std::span<const std::byte> body);

  runtime::UniqueFd fd_;
  const Facts& facts_;
  Input input_{kInputBytes};
  Phase phase_ = Phase::kStartup;
};

}  // namespace bench::forwarder

#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "runtime/clock.h"
#include "runtime/result.h"
#include "server/command/settings.h"
#include "server/wire/message.h"
#include "server/wire/startup.h"

namespace server {

// Who connected, and what it set for its session.
struct Client {
  std::string user;
  std::optional<std::string> application_name;
  std::optional<std::string> client_encoding;
  std::optional<runtime::Duration> wal_sender_timeout;
};

// The start of a connection: encryption requests, the start-up message and its parameters
// (ProcessStartupPacket, process_startup_options). No I/O.
//   Owner: Session.  Thread: its loop's.
class Startup {
 public:
  // What is to be done after a packet; answers are in the writer.
  enum class Next {
    kMorePackets,  // an encryption request was declined
    kClose,        // without a word, as for a CancelRequest
    kRefused,      // the FATAL error is in the writer
    kConnect,      // take_parameters() is next, if the server has room for the client
  };

  // A whole start-up packet. REQUIRES: an earlier call returned kMorePackets, or none was made.
  Next on_packet(std::span<const std::byte> body, bool more_bytes_follow, wire::MessageWriter& out);

  // Takes the parameters in, after AuthenticationOk as PostgreSQL does. REQUIRES: kConnect was
  // returned, and the packet's bytes are still there.
  runtime::Result<Client> take_parameters(const command::Settings& settings);
  // Reports the session's parameters and says that it is ready.
  void greet(const command::Settings& settings, std::span<const std::string_view> reported,
             const Client& client, std::uint32_t process_id, std::uint32_t cancel_key,
             wire::MessageWriter& out) const;

 private:
  Next decline(wire::EncryptionRequest::Kind kind, bool more_bytes_follow,
               wire::MessageWriter& out);
  Next check(wire::StartupMessage message, wire::MessageWriter& out);

  bool ssl_answered_ = false;
  bool gss_answered_ = false;
  wire::StartupMessage message_{};
};

}  // namespace server

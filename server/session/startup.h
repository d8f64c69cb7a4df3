#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "runtime/clock.h"
#include "runtime/result.h"
#include "server/settings/session_settings.h"
#include "server/settings/settings.h"
#include "server/wire/message.h"
#include "server/wire/startup.h"

namespace server::session {

// Who connected, and what it set for its session.
struct Client {
  std::string user;
  settings::SessionSettings settings;

  settings::Encoding encoding() const { return settings.encoding(); }
  std::string_view application_name() const { return settings.application_name(); }
};

// The start of a connection: encryption requests, the start-up message and its parameters
// (ProcessStartupPacket, process_startup_options). No I/O.
//   Owner: Session.  Thread: its loop's.
class Startup {
 public:
  // What is to be done after a packet; answers are in the writer.
  enum class Next {
    kMorePackets,  // an encryption request was declined
    kCancel,       // cancel_request() is to be done; the connection closes without a word
    kRefused,      // the FATAL error is in the writer
    kConnect,      // take_parameters() is next, if the server has room for the client
  };

  // `newest` is the newest version of the protocol that the server speaks.
  explicit Startup(std::uint32_t newest) : newest_(newest) {}

  // A whole start-up packet. REQUIRES: an earlier call returned kMorePackets, or none was made.
  Next on_packet(std::span<const std::byte> body, bool more_bytes_follow, wire::MessageWriter& out);

  // Takes the parameters in, after AuthenticationOk as PostgreSQL does. REQUIRES: kConnect was
  // returned, and the packet's bytes are still there. What is cut is noticed in the writer, also
  // where an error follows.
  runtime::Result<Client> take_parameters(const settings::Settings& settings,
                                          wire::MessageWriter& out);
  // Valid as long as the packet. REQUIRES: kCancel was returned.
  const wire::CancelRequest& cancel_request() const { return cancel_request_; }
  // What is spoken with this client. REQUIRES: kConnect was returned.
  std::uint32_t protocol_version() const { return std::min(message_.version, newest_); }
  // Reports the session's parameters and says that it is ready.
  void greet(const settings::Settings& settings, std::span<const std::string_view> reported,
             const Client& client, std::uint32_t process_id, std::span<const std::byte> cancel_key,
             wire::MessageWriter& out) const;

 private:
  Next decline(wire::EncryptionRequest::Kind kind, bool more_bytes_follow,
               wire::MessageWriter& out);
  Next check(wire::StartupMessage message, wire::MessageWriter& out);
  runtime::Result<Client> read_parameters(const settings::Settings& settings,
                                          settings::Notices& notices) const;

  std::uint32_t newest_;
  bool ssl_answered_ = false;
  bool gss_answered_ = false;
  wire::CancelRequest cancel_request_;
  wire::StartupMessage message_{};
};

}  // namespace server::session

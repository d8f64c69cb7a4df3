#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "bench/walbench/backend_framer.h"
#include "bench/walbench/frontend.h"
#include "runtime/result.h"
#include "server/wal/lsn.h"

namespace bench::walbench {

// What a standby streams.
struct StreamPlan {
  server::wal::TimelineId timeline{};
  server::wal::SegmentSize segment_size;
  server::wal::Lsn start;
};

// The way from a new connection to a stream, as walreceiver and pg_receivewal go it: start-up,
// IDENTIFY_SYSTEM, SHOW wal_segment_size, START_REPLICATION. Does no I/O.
//   Owner: Standby, until it streams.  Thread: the owner's.
class Login {
 public:
  // Where to stream, as far as it is given; the rest is asked of the server.
  struct Wish {
    std::optional<server::wal::TimelineId> timeline;
    std::optional<server::wal::Lsn> start;
  };

  // What a message leads to: something to say, or a stream, or neither.
  struct Step {
    Bytes send = {};
    std::optional<StreamPlan> stream = {};
  };

  explicit Login(const Wish& wish) : wish_(wish) {}

  // What to say first.
  static Bytes greeting(const std::string& user, const std::string& application_name);
  // What follows from a message of the server. An error ends the login.
  runtime::Result<Step> on_message(const BackendMessage& message);
  // What the server is to answer next, for a failure's text.
  const char* waits_for() const;

 private:
  enum class Phase { kStartup, kIdentify, kShow, kStart };

  runtime::Result<void> on_row(std::span<const std::byte> body);
  runtime::Result<void> on_identity(const Row& row);
  runtime::Result<void> on_segment_size(const Row& row);
  runtime::Result<Step> on_ready();

  const Wish wish_;
  Phase phase_ = Phase::kStartup;
  bool answered_ = false;  // the row of this phase has come
  StreamPlan plan_;
  server::wal::Lsn server_position_;
};

// "16MB" as SHOW wal_segment_size answers; none if it is no valid segment size.
std::optional<server::wal::SegmentSize> parse_segment_size(std::string_view text);

}  // namespace bench::walbench

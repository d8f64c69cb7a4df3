#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "bench/behaviour/group.h"
#include "bench/walbench/backend_framer.h"
#include "bench/walbench/frontend.h"
#include "bench/walbench/password.h"
#include "runtime/result.h"
#include "server/wal/lsn.h"

namespace bench::walbench {

// What a standby streams.
struct StreamPlan {
  server::wal::TimelineId timeline{};
  server::wal::SegmentSize segment_size;
  server::wal::Lsn start;
  std::uint32_t server_major = 0;  // of the server's version; 0: it has not said
};

// What a server answers where a timeline has ended: which one follows, and where.
struct NextTimeline {
  server::wal::TimelineId timeline;
  server::wal::Lsn start;
};
// None if the row says nothing of the kind.
std::optional<NextTimeline> parse_next_timeline(std::span<const std::byte> body);

// The way from a new connection to a stream, as walreceiver and pg_receivewal go it: start-up, with
// whatever password the server asks for, IDENTIFY_SYSTEM, SHOW wal_segment_size, perhaps
// CREATE_REPLICATION_SLOT, START_REPLICATION. Does no I/O.
//   Owner: Standby, until it streams.  Thread: the owner's.
class Login {
 public:
  // Where to stream, as far as it is given; the rest is asked of the server.
  struct Wish {
    std::optional<server::wal::TimelineId> timeline = {};
    behaviour::StartPoint start = {};
    std::string slot = {};    // empty: none
    bool makes_slot = false;  // which is not there yet
    // Where its timeline has ended, it goes on with the server's next one.
    bool follows_timelines = false;
  };

  // What a message leads to: something to say, or a stream, or neither.
  struct Step {
    Bytes send = {};
    std::optional<StreamPlan> stream = {};
  };

  Login(Wish wish, PasswordProof proof) : wish_(std::move(wish)), proof_(std::move(proof)) {}

  // What to say first.
  static Bytes greeting(const std::string& user, const std::string& application_name);
  // The same for a connection whose stream is over, which is to go on as `plan` says.
  Bytes resume(const StreamPlan& plan);
  // What follows from a message of the server. An error ends the login.
  runtime::Result<Step> on_message(const BackendMessage& message);
  // Whether the slot has been made.
  bool has_made_slot() const { return has_made_slot_; }
  // What the server is to answer next, for a failure's text.
  const char* waits_for() const;

 private:
  enum class Phase { kStartup, kIdentify, kShow, kSlot, kStart };

  void on_parameter(std::span<const std::byte> body);
  runtime::Result<void> on_row(std::span<const std::byte> body);
  runtime::Result<void> on_identity(const Row& row);
  runtime::Result<void> on_segment_size(const Row& row);
  runtime::Result<Step> on_ready();
  Step ask_for_stream();
  server::wal::Lsn start() const;

  const Wish wish_;
  PasswordProof proof_;
  Phase phase_ = Phase::kStartup;
  bool answered_ = false;  // the row of this phase has come
  bool has_made_slot_ = false;
  StreamPlan plan_;
  server::wal::Lsn server_position_;
  std::optional<NextTimeline> next_;  // the server has no more on the timeline that was wanted
};

// "16MB" as SHOW wal_segment_size answers; none if it is no valid segment size.
std::optional<server::wal::SegmentSize> parse_segment_size(std::string_view text);

}  // namespace bench::walbench

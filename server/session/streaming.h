#pragma once

#include <cstdint>
#include <optional>

#include "runtime/result.h"
#include "server/command/start.h"
#include "server/session/client.h"
#include "server/session/environment.h"
#include "server/session/line.h"
#include "server/session/session_slots.h"
#include "server/stats/session_status.h"
#include "server/stream/sender.h"
#include "server/wire/framer.h"
#include "server/wire/message.h"

namespace server::session {

// What a session does inside COPY: its Sender, the standby's messages for it, and what interrupts
// it (walsender.c: WalSndLoop, ProcessRepliesIfAny).
//   Owner: CommandLoop.  Thread: the session's loop's.
//   Borrows: environment, line, slots, client and owner, which outlive it.
//   Invariant: it is idle exactly if its Sender is.
class Streaming final : private stream::Sender::Owner {
 public:
  class Owner {
   public:
    virtual ~Owner() = default;
    // The command is over and the next one may come: with the next timeline, if the streamed one
    // has ended, or with the error that the command ends in. A stream that ends the connection too
    // has seen to that itself and does not call this.
    virtual void on_stream_over(
        const runtime::Result<std::optional<stream::NextTimeline>>& end) = 0;
  };

  Streaming(SessionEnvironment& environment, Line& line, SessionSlots& slots, const Client& client,
            std::uint32_t process_id, Owner& owner);

  // REQUIRES: CopyBothResponse is queued. The slot, if there is one, is the session's.
  void start(const command::StartPoint& point, slot::Slot* slot);
  bool active() const { return state_ != State::kIdle; }
  // Messages behind the one that ends a stream wait for the command loop.
  bool takes_messages() const { return state_ == State::kRunning; }
  void take(const wire::InboundMessage& message);
  // The rest of a message of the Sender's must follow before anything else is sent.
  bool in_message() const { return sender_.in_message(); }
  void on_writable() { sender_.on_writable(); }

  // A CancelRequest has come. It does nothing to a stream that is interrupted already.
  void cancel();
  // Ends the stream and the connection. The client is told why, if it takes that within
  // close_timeout.
  void terminate(runtime::Error why);
  // As Sender::set_paused.
  void set_paused(bool paused) { sender_.set_paused(paused); }
  // The server stops: the stream ends when the standby has confirmed all WAL.
  void shut_down() { sender_.shut_down(); }
  // The server waits for that no longer: the stream ends with its tag, if that can be sent at once.
  void cut();
  // The connection ends: the stream ends without a word, and the primary hears no more of this
  // standby.
  void leave();

  void set_timeout(runtime::Duration timeout) { sender_.set_timeout(timeout); }
  void apply_send_delay();
  void describe(stats::SessionStatus& status) const;

 private:
  enum class State {
    kIdle,     // no stream
    kRunning,  // both sides send
    kEnding,   // the standby's CopyDone is in, or the stream is interrupted
  };
  // What follows when the Sender has stopped behind its message.
  struct Interruption {
    wire::Severity severity = wire::Severity::kError;
    runtime::Error error;
  };

  void on_stream_over(stream::StreamEnd end) override;
  void on_status() override;
  void on_feedback(const wire::HotStandbyFeedback& feedback) override;
  void take_replies() override { line_.read_now(); }

  void end_with(const stream::StreamEnded& end);
  void end_with(const stream::StreamFailed& end);
  void end_with(const stream::StreamLost& end);
  void end_with(const stream::StreamInterrupted& end);
  void end_with(const stream::StreamDrained& end);

  void warn_of_name();
  void take_copy_data(std::span<const std::byte> body);
  bool is_possible(const wal::Xmin& xmin) const;
  void ignore(const wire::HotStandbyFeedback& feedback);
  void refuse(char type);
  void interrupt(wire::Severity severity, runtime::Error error);

  SessionEnvironment& environment_;
  Line& line_;
  SessionSlots& slots_;
  const Client& client_;
  const std::uint32_t process_id_;
  Owner& owner_;
  const bool is_awaited_;       // upstream_ack names this standby
  const bool counts_upstream_;  // so that the primary is told what it confirms
  stream::Sender sender_;
  State state_ = State::kIdle;
  std::optional<Interruption> interruption_;
  std::optional<wal::Xmin> reported_xmin_;  // by the stream that runs
  bool wrong_xmin_logged_ = false;
  bool wrong_name_logged_ = false;
};

}  // namespace server::session

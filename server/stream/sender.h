#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "runtime/annotations.h"
#include "runtime/intrusive_list.h"
#include "runtime/loop.h"
#include "runtime/result.h"
#include "runtime/timer.h"
#include "server/slot/slots.h"
#include "server/stream/chunk.h"
#include "server/stream/connection.h"
#include "server/stream/delivery.h"
#include "server/stream/feedback.h"
#include "server/stream/keepalive.h"
#include "server/stream/message_output.h"
#include "server/stream/page_hold.h"
#include "server/stream/send_queue.h"
#include "server/stream/wal_view.h"

namespace server::stream {

// Where a standby goes on when the timeline that it streams has ended.
struct NextTimeline {
  wal::TimelineId timeline;
  wal::Lsn begin;
};

// Why a stream is over.
struct StreamEnded {  // both sides have said CopyDone
  std::optional<NextTimeline> next;
};
struct StreamFailed {  // the command fails; the connection is between two messages
  runtime::Error error;
};
// Nothing more can be sent. The text is for the log; it is empty if the peer has gone.
struct StreamLost {
  std::string why;
};
struct StreamInterrupted {};  // after interrupt(): no message is in flight any more
struct StreamDrained {};  // after shut_down(): the standby has confirmed all that there was to send
using StreamEnd =
    std::variant<StreamEnded, StreamFailed, StreamLost, StreamInterrupted, StreamDrained>;

// Moves WAL from segment files to one standby's socket: XLogSendPhysical and the keepalives of
// walsender.c, one turn at a time.
//   Owner: Session.  Thread: the session's loop.
//   Borrows: loop, view, queue, connection and owner, which all outlive it.
//   Invariant: no message reaches beyond the end of the streamed timeline's WAL. sent() lies beyond
//   it only if a standby started ahead of our WAL, and waits there.
//   Between two turns it keeps a segment open only within a message, which the view may end at any
//   time (SliceCache::Holder), or at the end of WAL.
//   Limits: one message in flight, quantum_bytes per pump, kAnswerBytesMax of answers that wait.
class Sender final : public SendQueue::Pumped,
                     private SliceCache::Waiter,
                     private SliceCache::Holder,
                     private PageHold::Owner,
                     private runtime::Timer::Handler {
 public:
  struct Options {
    std::uint32_t copy_bytes_max = 16 * 1024;  // more WAL than this goes by sendfile
    std::uint32_t quantum_bytes = 512 * 1024;
    runtime::Duration timeout = std::chrono::seconds(60);  // wal_sender_timeout; 0: none
  };

  // What the session has to do about its stream.
  class Owner {
   public:
    virtual ~Owner() = default;
    // The stream has ended, and the sender is idle again. Called once per start(), unless stop()
    // was. A StreamLost may follow the end: pages of the stream, which are still in the socket, can
    // be trusted no longer.
    virtual void on_stream_over(StreamEnd end) = 0;
    // The standby has said how far it is: feedback() has it. The stream goes on.
    virtual void on_status() = 0;
    // The standby has said which transactions it still looks at. The stream goes on.
    virtual void on_feedback(const wire::HotStandbyFeedback& feedback) = 0;
    // Replies of the standby may still lie in the socket: the owner reads them now and gives them
    // to the sender, which may end the stream.
    virtual void take_replies() = 0;
  };

  // As pg_stat_replication has them. kStopping: the stream drains.
  enum class State { kStartup, kCatchup, kStreaming, kStopping };

  Sender(runtime::Loop& loop, WalView& view, SendQueue& queue, Connection& connection,
         const Options& options, Owner& owner);

  // A stream may start ahead of our WAL, up to the view's start_max(). It waits there, and fails
  // when none has come for the timeout.
  // REQUIRES: the timeline is in the view's history, and start is no later than its end. The slot,
  // if there is one, is the owner's; it advances as the standby flushes.
  void start(wal::TimelineId timeline, wal::Lsn start, slot::Slot* slot = nullptr);
  // Whether new WAL may be gathered for the standby before it goes out (send_delay).
  void set_gathers(bool gathers);

  // No WAL goes out behind the message in flight, until the stream goes on: the standby is sent
  // keepalives, and is late for nothing. It outlives the stream, for the next one of the session.
  // A stream that drains is not held up.
  void set_paused(bool paused);
  bool paused() const {
    loop_.assert_in_thread();
    return paused_;
  }

  // The body of one CopyData from the standby.
  runtime::Result<void> on_copy_data(std::span<const std::byte> body);
  void on_copy_done();
  void on_writable();
  // Ends the stream behind the message in flight, whatever the standby has said.
  void interrupt();
  // The server stops: the stream goes on until the standby has confirmed all WAL, for which it is
  // asked again and again (WalSndDone), however long that takes.
  void shut_down();
  // Ends the stream on the spot; the connection is of no more use if a message was in flight.
  void stop();

  PumpResult pump() override;
  bool is_live() const override;

  bool active() const {
    loop_.assert_in_thread();
    return phase_ != Phase::kIdle;
  }
  // Whether a part of a message is out, and the rest must follow.
  bool in_message() const {
    loop_.assert_in_thread();
    return message_.active();
  }
  State state() const {
    loop_.assert_in_thread();
    return state_;
  }
  wal::TimelineId timeline() const {
    loop_.assert_in_thread();
    return timeline_;
  }
  wal::Lsn sent() const {
    loop_.assert_in_thread();
    return sent_;
  }
  const Feedback& feedback() const {
    loop_.assert_in_thread();
    return feedback_;
  }
  std::uint64_t bytes_sent() const {
    loop_.assert_in_thread();
    return bytes_sent_;
  }
  DeliveryStatus delivery() const {
    loop_.assert_in_thread();
    return delivery_.status(queue_.time());
  }
  void set_timeout(runtime::Duration timeout);

 private:
  enum class Phase {
    kIdle,           // no stream
    kStreaming,      // WAL goes out
    kEndOfTimeline,  // our CopyDone is out, the standby's is awaited
    kClosing,        // the standby's CopyDone is in, ours follows the message in flight
    kInterrupted,    // the session ends the stream behind the message in flight
  };
  enum class Next { kMessage, kNothing, kPaused, kWaiting, kEnded };
  static constexpr std::size_t kAnswerBytesMax = 64 * 1024;
  static constexpr std::size_t kMessageBytesMax = sizeof(wire::XLogDataHeader) + kChunkBytesMax;
  static_assert(Connection::room_for_one(sizeof(wire::XLogDataHeader) + wal::kPageBytes) <
                MemoryBudget::kShareBytes / 2);

  void on_wal_ready() override { queue_.make_runnable(*this); }
  Held held() const override {
    loop_.assert_in_thread();
    return {message_.file(), message_.position(), message_.end()};
  }
  void on_segment_wanted() override;
  void on_pages_released() override;
  void on_timer(runtime::Timer& timer) override;

  void take_status(const wire::StandbyStatus& status) REQUIRES(loop_);
  bool is_draining() const REQUIRES(loop_) { return state_ == State::kStopping; }
  bool is_historic() const REQUIRES(loop_) { return view_.history().tip() != timeline_; }
  wal::Lsn sendable_end() const REQUIRES(loop_);
  // Of a file that is not held, a full socket keeps the rest of a message in memory. Where that is
  // short, messages of a page go on without it: a page is within the share of every line.
  wal::Lsn message_end(wal::Lsn limit) const REQUIRES(loop_) {
    const bool small = !hold_.is_held(sent_) && !connection_.may_queue(kMessageBytesMax);
    return small ? std::min(limit, (sent_ + wal::kPageBytes).page_start())
                 : chunk_end(sent_, limit);
  }
  PumpResult pump_quantum() REQUIRES(loop_);
  void put_file_away(PumpResult result) REQUIRES(loop_);
  runtime::IoResult::Status send_out() REQUIRES(loop_);
  Next next() REQUIRES(loop_);
  Next next_message() REQUIRES(loop_);
  Next all_sent(wal::Lsn end) REQUIRES(loop_);
  Next drain(wal::Lsn end) REQUIRES(loop_);
  Next find_wal() REQUIRES(loop_);
  void begin_message(wal::Lsn limit) REQUIRES(loop_);
  void queue_keepalive(bool reply_requested) REQUIRES(loop_);
  bool has_waited_ahead_too_long() REQUIRES(loop_);
  void answer() REQUIRES(loop_) {
    if (keepalive_.take_answer()) queue_keepalive(/*reply_requested=*/false);
  }
  void ask_for_reply() REQUIRES(loop_) {
    if (keepalive_.take_ping()) queue_keepalive(/*reply_requested=*/true);
  }
  void end_broken() REQUIRES(loop_);
  Next fail(const runtime::Error& error) REQUIRES(loop_);
  void lose(std::string_view why) REQUIRES(loop_);
  void finish() REQUIRES(loop_);

  runtime::Loop& loop_;
  WalView& view_;
  SendQueue& queue_;
  Connection& connection_;
  Owner& owner_;
  const std::uint32_t quantum_bytes_;

  Phase phase_ GUARDED_BY(loop_) = Phase::kIdle;
  State state_ GUARDED_BY(loop_) = State::kStartup;
  bool paused_ GUARDED_BY(loop_) = false;
  wal::TimelineId timeline_ GUARDED_BY(loop_){};
  wal::Lsn sent_ GUARDED_BY(loop_);      // the end of what has been put into messages
  wal::Lsn ready_to_ GUARDED_BY(loop_);  // WAL up to here may be sent, from the message's file
  PageHold hold_ GUARDED_BY(loop_);
  MessageOutput message_ GUARDED_BY(loop_);
  std::uint64_t bytes_sent_ GUARDED_BY(loop_) = 0;

  // The end of WAL ahead of which the stream waits, and since when it has stood there.
  wal::Lsn ahead_of_ GUARDED_BY(loop_);
  runtime::Instant ahead_since_ GUARDED_BY(loop_){};

  Feedback feedback_ GUARDED_BY(loop_);
  slot::Slot* slot_ GUARDED_BY(loop_) = nullptr;
  Keepalive keepalive_ GUARDED_BY(loop_);
  Delivery delivery_ GUARDED_BY(loop_);
};

}  // namespace server::stream

#pragma once

#include "runtime/clock.h"
#include "runtime/loop.h"
#include "runtime/timer.h"

namespace server::stream {

// When a standby is asked for a reply or gets one, and when its silence has been too long:
// wal_sender_timeout as WalSndKeepaliveIfNecessary and WalSndCheckTimeOut of walsender.c have it.
// Half of the timeout without a word gets a ping, all of it ends the stream.
//   Owner: Sender, which is also the timer's handler.  Thread: the session's loop.
//   Borrows: the loop.
//   Invariant: at most one ping is unanswered, and at most one answer is owed.
class Keepalive {
 public:
  // While a stream drains, a standby that has answered and not yet confirmed all is asked this
  // often.
  static constexpr runtime::Duration kDrainInterval = std::chrono::milliseconds(100);

  // Answers of ours say no more than the WAL that is sent does. So many go out at once, as
  // PostgreSQL's all do, and from then on one in each interval: a standby that asks as fast as it
  // is answered does not keep the loop busy.
  static constexpr int kAnswersAtOnce = 10;
  static constexpr runtime::Duration kAnswerInterval = std::chrono::milliseconds(100);

  // A timeout of 0 is none.
  Keepalive(runtime::Loop& loop, runtime::Timer::Handler& handler, runtime::Duration timeout)
      : loop_(loop), timer_(loop.timers(), handler), timeout_(timeout) {}

  // A stream begins, is to drain, or has ended.
  void start();
  void drain();
  void stop();

  void set_timeout(runtime::Duration timeout);
  // Any message of the standby has come.
  void on_reply();

  // The standby asks for an answer, which is owed from now on.
  void owe_answer();
  // Whether to answer now, which is so if an answer is owed and due. REQUIRES: the caller answers
  // then. An answer that is not due yet is asked for again when the timer has fired.
  bool take_answer();

  // Sets the timer for the next ping, answer or the end. The owner does so when the timer has
  // fired, and not for each message of the standby, though each moves the deadline: a timer that
  // fires early costs less.
  void arm();
  // What the handler asks when the timer has fired.
  bool is_timed_out() const;
  bool is_ping_due() const;
  // Whether the timeout has passed since then.
  bool is_over(runtime::Instant since) const;
  // Whether the standby is asked again while it drains, at most once in an interval.
  bool take_drain_turn();
  // Whether to send a ping, which is so if none is unanswered. REQUIRES: the caller sends it then,
  // since it counts as sent.
  bool take_ping();

 private:
  // No answer goes out before.
  runtime::Instant answer_due() const {
    return answers_paid_ - (kAnswersAtOnce - 1) * kAnswerInterval;
  }

  runtime::Loop& loop_;
  runtime::Timer timer_;
  runtime::Duration timeout_;
  runtime::Instant last_reply_{};
  bool ping_sent_ = false;
  bool draining_ = false;
  bool answer_owed_ = false;
  runtime::Instant answers_paid_{};  // each answer puts this off by an interval
  runtime::Instant drain_turn_{};    // when the standby was last asked while it drains
};

}  // namespace server::stream

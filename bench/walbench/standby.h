#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "bench/walbench/acknowledgement.h"
#include "bench/walbench/berth.h"
#include "bench/walbench/channel.h"
#include "bench/walbench/entrance.h"
#include "bench/walbench/feed.h"
#include "bench/walbench/intake.h"
#include "runtime/loop.h"
#include "runtime/timer.h"

namespace bench::walbench {

// One light standby: it logs in, streams, acknowledges and ends, and behaves meanwhile as its group
// does.
//   Owner: Worker.  Thread: the worker's loop's.
//   Borrows: the berth, and the observer.
//   Limits: the timeouts of Options.
class Standby final : private runtime::Loop::Handler,
                      private runtime::Timer::Handler,
                      private Feed::Handler {
 public:
  // Told of what the worker counts.
  class Observer {
   public:
    virtual ~Observer() = default;
    // The standby wants to log in, and waits for start(). It may have ended when its turn comes.
    virtual void on_login_wanted(Standby& standby) = 0;
    // What start() began is over, however it ended.
    virtual void on_login_over() = 0;
    // It streams for the first time, or has ended without. Once.
    virtual void on_settled(const Standby& standby) = 0;
    // Once, and last.
    virtual void on_ended() = 0;
  };

  Standby(std::size_t index, const Berth& berth, Observer& observer);

  // It is time for it to come.
  void arrive() { want_login(); }
  // Logs in. REQUIRES: waits_for_login(). May end at once.
  void start();
  bool waits_for_login() const { return state_ == State::kWaiting; }
  // Ends in good order: it says CopyDone, and takes what is still under way.
  void finish();
  // Ends now, as failed.
  void abort(const runtime::Error& why);
  bool streams() const { return state_ == State::kStreaming; }
  std::size_t index() const { return index_; }
  const behaviour::Group& group() const { return group_; }
  // The end of the WAL that it has, in whole messages.
  server::wal::Lsn received() const { return intake_.received(); }

 private:
  enum class State {
    kAway,      // it has not come yet, or tries again later
    kWaiting,   // for start()
    kEntering,  // up to CopyBothResponse
    kStreaming,
    kEnding,   // CopyDone is said, ReadyForQuery is awaited
    kLeaving,  // and its slot is being dropped
    kEnded,
  };

  void on_ready(std::uint32_t events) override;
  void on_timer(runtime::Timer& timer) override;

  void on_message(const BackendMessage& message) override;
  void on_wal() override;
  void on_feed_failed(const runtime::Error& why) override { fail(why); }
  void on_feed_end() override;

  void want_login();
  std::unique_ptr<Entrance> new_entrance();
  Login::Wish wish() const;
  std::string slot_name() const;
  // What an entrance has come to.
  void after(const runtime::Result<void>& step);
  void on_login_message(const BackendMessage& message);
  void begin_stream(const StreamPlan& plan);
  void on_first_stream();

  void on_stream_message(const BackendMessage& message);
  void on_copy_data(const BackendMessage& message);
  void on_status_due();
  void send_status(bool reply_requested);
  void send(std::span<const std::byte> bytes);
  void arm_reconnect();
  void on_reconnect_due();

  void begin_ending();
  void end_if_enough();
  void on_server_ready();
  void follow(const NextTimeline& next);
  void complete();

  WallNanos wall_now() const { return berth_.loop.wall_now() * 1000; }
  void fail(const runtime::Error& why);
  void count_failure(const runtime::Error& why);
  bool may_retry(const runtime::Error& why) const;
  void disconnect();
  void end();
  bool is_connected() const { return state_ >= State::kEntering && state_ < State::kEnded; }
  const char* waits_for() const;

  const std::size_t index_;
  const Berth& berth_;
  Observer& observer_;
  const behaviour::Group& group_;
  Tally& tally_;
  const TlsClientContext* const tls_;  // null without TLS
  State state_ = State::kAway;
  Channel channel_;
  std::unique_ptr<Entrance> entrance_;  // until it streams
  Intake intake_;
  Feed feed_;
  Acknowledgement acknowledgement_;

  bool logs_in_ = false;  // since start()
  bool had_streamed_ = false;
  bool has_slot_ = false;
  bool finishing_ = false;           // no connection is made again but for an end in good order
  const char* early_end_ = nullptr;  // why the stream may end before --until
  bool server_stops_ = false;        // it has said so, and will close the connection
  std::optional<NextTimeline> next_timeline_;

  runtime::Timer timer_;  // the login's end, the next status, the ending's end, or the next try
  runtime::Timer reconnect_timer_;
  std::uint64_t reconnect_round_ = 0;
};

}  // namespace bench::walbench

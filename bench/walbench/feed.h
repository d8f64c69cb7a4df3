#pragma once

#include <cstddef>
#include <span>

#include "bench/walbench/backend_framer.h"
#include "bench/walbench/berth.h"
#include "bench/walbench/channel.h"
#include "bench/walbench/intake.h"
#include "bench/walbench/reading_pace.h"
#include "runtime/result.h"
#include "runtime/socket.h"
#include "runtime/timer.h"

namespace bench::walbench {

// What comes in on a standby's connection: read at its group's pace, cut into messages, its WAL
// handed to the intake. WAL that nothing looks at is dropped in the kernel, unless it comes over
// TLS.
//   Owner: Standby.  Thread: the worker's loop's.
//   Borrows: the berth, the channel, the intake, and the handler that it reports to.
//   Limits: kReadsPerEvent.
class Feed final : private runtime::Timer::Handler {
 public:
  // Any of these may close the feed.
  class Handler {
   public:
    virtual ~Handler() = default;
    virtual void on_message(const BackendMessage& message) = 0;
    virtual void on_wal() = 0;  // more of it is in the intake
    virtual void on_feed_failed(const runtime::Error& why) = 0;
    virtual void on_feed_end() = 0;  // the server has closed the connection
  };

  Feed(const behaviour::Group& group, const Berth& berth, Channel& channel, Intake& intake,
       bool has_tls, Handler& handler);

  // A connection is there.
  void open();
  // It has been closed.
  void close();
  // WAL comes from now on, at the group's pace.
  void begin_stream();
  // What is still under way is taken as it comes.
  void end_pace();

  // There is input.
  void read();
  // When something has come last, or could have.
  runtime::Instant last_input() const { return last_input_; }
  // The server was not listened to.
  void excuse_silence() { last_input_ = berth_.loop.now(); }
  bool stalls() const { return pace_.stalls(berth_.loop.now()); }

 private:
  void on_timer(runtime::Timer& timer) override;

  bool looks() const { return has_tls_ || intake_.looks(); }
  bool drops_wal() const { return !looks() && framer_.wal_left() > 0; }
  std::size_t readable_bytes();
  void rest();
  void read_again();
  runtime::IoResult read_once(std::size_t bytes_max);
  void take(std::span<const std::byte> bytes);
  void take_item(BackendFramer::Item item);
  void after_wal(const runtime::Result<void>& taken);

  const Berth& berth_;
  Channel& channel_;
  Intake& intake_;
  Handler& handler_;
  const bool has_tls_;
  bool is_open_ = false;
  bool streams_ = false;
  BackendFramer framer_;
  ReadingPace pace_;
  runtime::Timer rest_timer_;
  runtime::Instant last_input_{};
};

}  // namespace bench::walbench

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "bench/walbench/backend_framer.h"
#include "bench/walbench/channel.h"
#include "bench/walbench/login.h"
#include "bench/walbench/options.h"
#include "bench/walbench/pacer.h"
#include "bench/walbench/stamps.h"
#include "bench/walbench/tally.h"
#include "bench/walbench/verifier.h"
#include "runtime/counters.h"
#include "runtime/loop.h"
#include "runtime/timer.h"

namespace bench::walbench {

// What other threads may see of a worker's standbys while they run.
struct Progress {
  runtime::Counter bytes;
  runtime::Counter started;  // streams that have begun
  runtime::Counter ended;    // of those
  runtime::Counter failed;
};

// What the standbys of one worker have in common. It outlives them.
struct Berth {
  runtime::Loop& loop;
  const Options& options;
  std::span<const runtime::SocketAddress> addresses;
  std::span<std::byte> buffer;  // what is read from a socket is taken apart in here
  Verifier* verifier;           // null without --verify
  Tally& tally;
  Progress& progress;
};

// One light standby: it logs in, streams, acknowledges and ends. Unless its WAL is verified, the
// kernel drops it.
//   Owner: Worker.  Thread: the worker's loop's.
//   Borrows: the berth, and the observer.
//   Invariant: acknowledged <= received_ <= next_; only whole messages are acknowledged.
//   Limits: reads_per_event; the timeouts of Options.
class Standby final : private runtime::Loop::Handler, private runtime::Timer::Handler {
 public:
  // Told of what the worker counts. Each at most once; on_ended() always, and last.
  class Observer {
   public:
    virtual ~Observer() = default;
    virtual void on_streaming() = 0;
    virtual void on_ended(bool had_streamed) = 0;
  };

  Standby(std::size_t index, const Berth& berth, Observer& observer);

  // REQUIRES: it has not been started. May end at once.
  void start();
  // Ends in good order: it says CopyDone, and takes what is still under way.
  void finish();
  // Ends now, as failed.
  void abort(const runtime::Error& why) { fail(why); }
  bool ended() const { return state_ == State::kEnded; }

 private:
  enum class State {
    kNew,
    kConnecting,
    kLogin,  // up to CopyBothResponse
    kStreaming,
    kEnding,  // CopyDone is said, ReadyForQuery is awaited
    kEnded,
  };

  void on_ready(std::uint32_t events) override;
  void on_timer(runtime::Timer& timer) override;

  void connect();
  void on_connected();
  void on_connect_failed(int sys_errno);

  void read();
  runtime::IoResult read_once(std::size_t bytes_max);
  std::size_t readable_bytes();
  bool reads_wal() const { return berth_.verifier != nullptr || has_stamps(); }
  bool has_stamps() const { return !berth_.options.stamps.empty(); }
  bool drops_wal() const { return !reads_wal() && framer_.wal_left() > 0; }
  void take(std::span<const std::byte> bytes);
  void on_item(BackendFramer::Item item);

  void on_login_message(const BackendMessage& message);
  void begin_stream(const StreamPlan& plan);
  void on_stream_message(const BackendMessage& message);
  void on_wal_header(const WalHeader& header);
  void on_wal(std::span<const std::byte> wal);
  void advance(std::uint64_t bytes);
  void on_wal_message_end();

  void on_status_due();
  void send_status(bool reply_requested);
  void send(std::span<const std::byte> bytes);
  void begin_ending();
  void end_if_enough();
  void on_stream_over();
  void on_closed();
  bool is_slow() const { return pacer_.has_value(); }

  void fail(const runtime::Error& why);
  void end();

  const std::size_t index_;
  const Berth& berth_;
  Observer& observer_;
  State state_ = State::kNew;
  Channel channel_;
  std::size_t next_address_ = 0;
  std::optional<Login> login_;
  BackendFramer framer_;
  std::optional<Pacer> pacer_;  // of a slow one that streams

  StreamPlan plan_;
  server::wal::Lsn next_;      // where the next byte belongs
  server::wal::Lsn received_;  // the end of the last whole message
  bool had_streamed_ = false;
  const char* early_end_ = nullptr;  // why the stream may end before --until
  bool server_stops_ = false;        // it has said so, and will close the connection

  runtime::Timer timer_;       // the login's end, the next status, or the ending's end
  runtime::Timer rest_timer_;  // a slow one reads again
  runtime::Instant last_input_{};
  WallNanos arrived_at_ = 0;  // the input that is taken apart, if there are stamps to look for
};

}  // namespace bench::walbench

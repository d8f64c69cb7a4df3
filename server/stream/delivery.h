#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>

#include "runtime/clock.h"
#include "server/stream/mark_ring.h"
#include "server/stream/send_queue.h"
#include "server/stream/stage_clock.h"
#include "server/stream/stages.h"
#include "server/wal/standby_positions.h"

namespace server::stream {

// What keeps a Sender from sending WAL that there is.
enum class Obstacle : std::uint8_t {
  kNone,
  kSocketFull,  // the standby, or the network to it, takes no more
  kColdRead,    // the pool opens a segment, and reads or proves a slice of it
};

// What an obstacle has cost a standby, in the window of now and the one before.
struct Obstruction {
  // For how long it was sent nothing, though there was WAL; also while it caught up. All of a time
  // counts where it ends, and what goes on counts from its begin.
  runtime::Duration stood_still{};
  // How much of Stage::kSent belongs to deliveries that met the obstacle.
  runtime::Duration delayed{};

  void add(const Obstruction& other) {
    stood_still += other.stood_still;
    delayed += other.delayed;
  }
};

// How long deliveries to one standby have taken, stage by stage, in the window of now and the one
// before. A plain value, copied out of its loop.
struct DeliveryStatus {
  // By index_of(). The stages up to kTaken are those of all standbys of the loop.
  std::array<StageFigure, kStages> stages;
  Obstruction socket_full;
  Obstruction cold_read;
  Obstacle obstacle = Obstacle::kNone;  // now
  bool is_live = false;                 // it had all WAL, and is no more than kSpans behind
};

// The way of WAL to one standby: when it goes into the socket, and when the standby says that it
// has written, flushed and applied it. Only live deliveries count: those to a standby that had all
// WAL before. One that catches up has nothing but obstacles.
//   Owner: Sender.  Thread: the session's loop's.
//   Borrows: the stages of the loop.
//   Limits: MarkRing's of each of three rings. Nothing is allocated.
class Delivery {
 public:
  explicit Delivery(StageClock& stages) : stages_(stages) {}

  // A stream begins.
  void start();
  // Whether new WAL is gathered for the standby before it goes out (SendQueue).
  void set_gathers(bool gathers) { gathers_ = gathers; }
  // All WAL that the loop knows of is in the socket.
  void on_caught_up() {
    is_live_ = true;
    next_ = stages_.next();
    busy_from_ = kNeverBusy;
  }
  // Whether a message that ends there ends a live delivery, so that sent() is to be called.
  bool is_due(wal::Lsn sent) const {
    return is_live_ && next_ < stages_.next() &&
           (next_ < stages_.first() || stages_.span(next_).end <= sent);
  }
  void sent(wal::Lsn sent, runtime::Instant now);
  void on_report(const wal::StandbyPositions& report, runtime::Instant now);
  // The sender has had its turn, and stands still before an obstacle, or goes on.
  void pumped(SendQueue::Pumped::PumpResult result, runtime::Instant now);

  DeliveryStatus status(runtime::Instant now) const;

 private:
  struct Sum {
    std::uint64_t nanos = 0;
    std::uint32_t count = 0;
    std::uint32_t micros_max = 0;

    void add(const Sum& other);
  };
  struct Window {
    std::array<Sum, kOwnStages> sums;  // by own_index_of()
    Obstruction socket_full;
    Obstruction cold_read;

    // REQUIRES: there is an obstacle.
    Obstruction& of(Obstacle obstacle) {
      return obstacle == Obstacle::kSocketFull ? socket_full : cold_read;
    }
  };

  static constexpr std::uint64_t kNeverBusy = std::numeric_limits<std::uint64_t>::max();

  bool is_known() const;
  bool go_to_known(runtime::Instant now);
  runtime::Instant let_go_at(std::uint64_t number, runtime::Instant now) const;
  void count(std::uint64_t number, runtime::Instant now);
  void add(Stage stage, runtime::Duration took, runtime::Instant now);
  void pass(MarkRing& from, Stage stage, wal::Lsn reported, MarkRing* to, runtime::Instant now);
  void turn_to(runtime::Instant now);
  Window& window(WindowNo no) { return windows_[static_cast<std::size_t>(no & 1)]; }
  Window recent(runtime::Instant now) const;

  StageClock& stages_;
  bool is_live_ = false;
  bool gathers_ = false;
  Obstacle obstacle_ = Obstacle::kNone;  // now
  Obstacle met_ = Obstacle::kNone;       // the last one since a delivery
  std::uint64_t next_ = 0;               // the span that is to be delivered next
  // The spans from here on came while the standby had not all that was there before them.
  std::uint64_t busy_from_ = kNeverBusy;
  runtime::Instant obstacle_since_{};
  runtime::Instant met_since_{};  // the first obstacle since a delivery

  WindowNo window_no_ = 0;
  std::array<Window, 2> windows_;  // this one and the one before, by their numbers' last bit

  MarkRing sent_;
  MarkRing written_;
  MarkRing flushed_;
};

}  // namespace server::stream

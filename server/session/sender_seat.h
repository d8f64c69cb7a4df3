#pragma once

#include <cstdint>
#include <utility>

#include "runtime/check.h"
#include "runtime/counters.h"

namespace server::session {

// One session's place among those that max_wal_senders, or max_console_connections, counts. It is
// given back when this dies.
//   Owner: Session.  Thread: its loop's.  Borrows: the counter, which all loops share.
class SenderSeat {
 public:
  SenderSeat() = default;
  SenderSeat(SenderSeat&& other) noexcept : seats_(std::exchange(other.seats_, nullptr)) {}
  SenderSeat& operator=(SenderSeat&& other) noexcept {
    std::swap(seats_, other.seats_);
    return *this;
  }
  ~SenderSeat() {
    if (seats_ != nullptr) CHECK(seats_->add(-1) >= 0);
  }

  // One of `seats_max`, unless all of them are taken.
  static SenderSeat take(runtime::Gauge& seats, std::int64_t seats_max) {
    const std::int64_t taken = seats.add(1);  // by this one too, so two cannot take the last seat
    SenderSeat seat(seats);
    return taken <= seats_max ? std::move(seat) : SenderSeat();
  }
  bool taken() const { return seats_ != nullptr; }

 private:
  explicit SenderSeat(runtime::Gauge& seats) : seats_(&seats) {}

  runtime::Gauge* seats_ = nullptr;
};

}  // namespace server::session

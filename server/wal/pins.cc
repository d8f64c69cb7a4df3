#include "server/wal/pins.h"

#include <algorithm>

namespace server::wal {

Pins::Pin::Pin(Pins& pins, Lsn from) : pins_(pins), from_(from), link_(*this) {
  const runtime::Lock lock(pins_.mutex_);
  held_from_.store(pins_.horizon_);
  pins_.pins_.push_back(link_);
}

Pins::Pin::~Pin() {
  const runtime::Lock lock(pins_.mutex_);
  link_.unlink();
}

void Pins::reset(Lsn horizon) {
  const runtime::Lock lock(mutex_);
  horizon_ = horizon;
  pins_.for_each([&](Pin& pin) { pin.held_from_.store(horizon); });
}

Lsn Pins::advance(Lsn limit) {
  const runtime::Lock lock(mutex_);
  Lsn oldest = limit;
  pins_.for_each([&](const Pin& pin) { oldest = std::min(oldest, pin.from()); });
  // A pin behind the horizon is of a stream that began there: it gets copies until it has passed
  // it.
  horizon_ = std::max(horizon_, oldest);
  return horizon_;
}

}  // namespace server::wal

#include "server/session/stall_watch.h"

#include <algorithm>

namespace server::session {

StallWatch::StallWatch(runtime::Loop& loop, const stream::Connection& connection, Owner& owner)
    : loop_(loop),
      connection_(connection),
      owner_(owner),
      output_timer_(loop.timers(), *this),
      rest_timer_(loop.timers(), *this) {}

void StallWatch::await_reading(runtime::Duration timeout) {
  if (timeout.count() == 0 || output_timer_.armed()) return;
  output_timeout_ = timeout;
  read_before_ = read_bytes();
  output_timer_.arm(loop_.now() + timeout);
}

void StallWatch::await_rest(runtime::Duration timeout) {
  if (timeout.count() > 0 && !rest_timer_.armed()) rest_timer_.arm(loop_.now() + timeout);
}

void StallWatch::stop() {
  output_timer_.disarm();
  rest_timer_.disarm();
}

void StallWatch::on_timer(runtime::Timer& timer) {
  loop_.assert_in_thread();
  if (owner_.in_stream()) return;
  if (&timer == &output_timer_) return look_at_output();
  owner_.on_stalled("it did not send the rest of a message within client_read_timeout");
}

void StallWatch::look_at_output() {
  if (waiting_bytes() == 0) return;
  const std::uint64_t read = read_bytes();
  if (read == read_before_) {
    return owner_.on_stalled("it did not read what it was sent within client_write_timeout");
  }
  read_before_ = read;
  output_timer_.arm(loop_.now() + output_timeout_);
}

std::uint64_t StallWatch::waiting_bytes() const {
  return connection_.queued_bytes() + connection_.unacknowledged();
}

// A Unix socket says that it holds more bytes than were written to it.
std::uint64_t StallWatch::read_bytes() const {
  const std::uint64_t written = connection_.written();
  return written - std::min(connection_.unacknowledged(), written);
}

}  // namespace server::session

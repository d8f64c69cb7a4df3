// Pages of segment files that a sender has handed to its socket, where somebody else may recycle
// the files. The rest is in sender.cc.
#include <algorithm>
#include <memory>

#include "server/stream/sender.h"

namespace server::stream {

using wal::Lsn;

// Whether the pages may be handed to the socket: nobody overwrites them before they have arrived.
bool Sender::is_held(Lsn lsn) const {
  return view_.is_held(lsn) && (pin_ == nullptr || lsn >= pin_->held_from());
}

// WAL before this has left the socket. What is in it counts as WAL, which some of it is not.
Lsn Sender::arrived() const {
  const Lsn at = chunk_.active() ? chunk_.at : sent_;
  if (!connection_.has_pages()) return at;
  const Lsn known = pin_ != nullptr ? pin_->from() : Lsn();
  return at - std::min(connection_.unacknowledged(), at - std::min(at, known));
}

// Pages of the stream before may still be in the socket.
void Sender::pin(Lsn start) {
  const bool has_pages = pin_ != nullptr && connection_.has_pages();
  connection_.never_leave_pages();
  pin_ = std::make_unique<wal::Pins::Pin>(view_.pins(),
                                          has_pages ? std::min(pin_->from(), start) : start);
}

// The oldest that the standby may want again, or that is on its way.
void Sender::advance_pin() {
  const Lsn from = std::min(arrived(), feedback_.acknowledged());
  if (from > pin_->from()) pin_->advance(from);
}

// The stream has ended, and its last pages may still be in the socket.
void Sender::unpin_when_acknowledged() {
  if (pin_ == nullptr) return;
  if (connection_.has_pages()) return timer_.arm(loop_.now() + kUnpinInterval);
  stop_using_pages();
  pin_.reset();
}

// What is in the socket cannot be trusted any more, so it must not arrive.
void Sender::on_files_released() {
  loop_.assert_in_thread();
  if (!connection_.has_pages()) return;
  if (is_held(arrived())) return view_.add_page_user(*this);
  lose("terminating walsender process: its WAL may be overwritten before it arrives");
}

}  // namespace server::stream

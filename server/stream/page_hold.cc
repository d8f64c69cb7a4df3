#include "server/stream/page_hold.h"

#include <algorithm>
#include <utility>

#include "runtime/check.h"

namespace server::stream {

using runtime::IoResult;
using wal::Lsn;

PageHold::PageHold(runtime::Loop& loop, HeldFiles& files, Connection& connection, Owner& owner)
    : loop_(loop),
      files_(files),
      connection_(connection),
      owner_(owner),
      unpin_timer_(loop.timers(), *this) {
  connection_.set_close_listener(this);
}

// The connection outlives this only to be closed.
PageHold::~PageHold() {
  before_close();
  connection_.set_close_listener(nullptr);
}

void PageHold::begin(Lsn start) {
  loop_.assert_in_thread();
  unpin_timer_.disarm();
  const bool older_pages = oldest_page().has_value();
  older_pages_to_ = pages_to_;
  if (!files_.pins().heeded()) return;
  takes_pages_back_ = true;
  shares_pages_ = files_.may_share_pages(connection_.fd());
  // The pin before stays until the new one is in its place.
  const Lsn from = pin_ != nullptr && older_pages ? std::min(pin_->from(), start) : start;
  pin_ = std::make_unique<wal::Pins::Pin>(files_.pins(), from);
}

void PageHold::end() {
  loop_.assert_in_thread();
  if (pin_ == nullptr) return;
  if (oldest_page().has_value()) return unpin_timer_.arm(loop_.now() + kUnpinInterval);
  leave_list();
  pin_.reset();
}

void PageHold::on_timer(runtime::Timer& /*timer*/) { end(); }

IoResult PageHold::send_pages(const wal::Segment& segment, Lsn from, Lsn to) {
  // The source may lose the slot, and change the pin, at any time: its thread does not wait for the
  // loop's. Only what the loop itself knows is the same as when may_send_pages() was asked.
  DCHECK(files_.is_held(from) && !(pin_ != nullptr && shares_pages_));
  DCHECK(segment.begin() <= from && from < to && to <= segment.end());
  files_.add(*this);
  if (takes_pages_back_) set_reset_on_close(true);
  const IoResult result =
      connection_.send_file(segment.fd(), static_cast<std::uint64_t>(from - segment.begin()),
                            static_cast<std::size_t>(to - from));
  if (result.status == IoResult::Status::kDone) {
    pages_to_ = connection_.written();
    pages_end_ = from + result.bytes;
  }
  return result;
}

void PageHold::advance(Lsn written, Lsn acknowledged) {
  loop_.assert_in_thread();
  if (pin_ == nullptr) return;
  Lsn from = std::min(written, acknowledged);
  if (const auto page = oldest_page()) from = std::min(from, *page);
  if (from > pin_->from()) pin_->advance(from);
}

// Where the WAL of the pages begins that the peer's TCP has not acknowledged; none if there are no
// such pages. The kernel counts all bytes, headers and keepalives too, so the answer may be earlier
// than the page, and never later.
std::optional<Lsn> PageHold::oldest_page() {
  if (pages_to_ == 0) return std::nullopt;
  const std::uint64_t written = connection_.written();
  const std::uint64_t arrived = written - std::min(connection_.unacknowledged(), written);
  if (arrived >= pages_to_) {
    pages_to_ = older_pages_to_ = 0;
    return std::nullopt;
  }
  const Lsn pinned = pin_ != nullptr ? pin_->from() : Lsn();
  if (arrived < older_pages_to_) return pinned;
  const std::uint64_t waiting = std::min(pages_to_ - arrived, pages_end_.value());
  return std::max(pinned, pages_end_ - waiting);
}

void PageHold::on_files_released() {
  loop_.assert_in_thread();
  const auto page = oldest_page();
  if (!page.has_value()) return;
  if (is_held(*page)) return files_.add(*this);
  takes_pages_back_ = true;
  owner_.on_pages_released();
}

void PageHold::before_close() {
  loop_.assert_in_thread();
  if (connection_.fd() < 0) return;  // it is closed, and this dies behind it
  set_reset_on_close(takes_pages_back_ && oldest_page().has_value());
}

void PageHold::set_reset_on_close(bool resets) {
  if (std::exchange(resets_on_close_, resets) != resets) {
    runtime::set_reset_on_close(connection_.fd(), resets);
  }
}

}  // namespace server::stream

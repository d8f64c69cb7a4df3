#include "bench/walbench/feed.h"

#include <algorithm>
#include <system_error>

#include "bench/walbench/failures.h"
#include "runtime/format.h"

namespace bench::walbench {

using Status = runtime::IoResult::Status;

namespace {

constexpr int kReadsPerEvent = 4;

// Unless WAL is looked at, headers are read together with so much of the WAL behind them that small
// messages cost one call, and little of large ones is copied.
constexpr std::size_t kHeaderReadBytes = 4096;

}  // namespace

Feed::Feed(const behaviour::Group& group, const Berth& berth, Channel& channel, Intake& intake,
           bool has_tls, Handler& handler)
    : berth_(berth),
      channel_(channel),
      intake_(intake),
      handler_(handler),
      has_tls_(has_tls),
      pace_(group, berth.port.begin),
      rest_timer_(berth.loop.timers(), *this) {}

void Feed::open() {
  is_open_ = true;
  streams_ = false;
  last_input_ = berth_.loop.now();
}

void Feed::close() {
  is_open_ = false;
  rest_timer_.disarm();
  framer_ = BackendFramer();
}

void Feed::begin_stream() {
  streams_ = true;
  pace_.begin(berth_.loop.now());
}

void Feed::end_pace() {
  pace_.end();
  rest_timer_.arm(berth_.loop.now());
}

void Feed::read() {
  // The loop reports no input that is in memory, so all of that is read now.
  for (int reads = 0; is_open_; ++reads) {
    if (reads >= kReadsPerEvent && !channel_.has_unread()) return;
    const std::size_t bytes_max = readable_bytes();
    if (bytes_max == 0) return rest();
    const runtime::IoResult result = read_once(bytes_max);
    if (result.status == Status::kFailed) {
      return handler_.on_feed_failed(connection_lost("connection lost", result.sys_errno));
    }
    if (result.status == Status::kEnd) return handler_.on_feed_end();
    if (result.status == Status::kBlocked) return;
    if (result.bytes < bytes_max && !channel_.has_unread()) return;
  }
}

// How much one read may bring: what WAL there is to drop, or what the buffer holds. What is
// recorded comes by single messages.
std::size_t Feed::readable_bytes() {
  std::uint64_t bytes = berth_.buffer.size();
  if (intake_.records()) {
    const std::uint64_t message =
        framer_.wal_left() > 0 ? framer_.wal_left() : sizeof(server::wire::XLogDataHeader);
    bytes = std::min(bytes, message);
  }
  if (!looks()) bytes = drops_wal() ? framer_.wal_left() : kHeaderReadBytes;
  return streams_ ? std::min(bytes, pace_.allowed(berth_.loop.now())) : bytes;
}

void Feed::rest() {
  channel_.pause_reading(true);
  const auto until = pace_.rest_end(berth_.loop.now());
  if (until.has_value()) rest_timer_.arm(*until);
}

void Feed::on_timer(runtime::Timer& /*timer*/) { read_again(); }

void Feed::read_again() {
  excuse_silence();
  channel_.pause_reading(false);
  if (channel_.has_unread()) read();
}

runtime::IoResult Feed::read_once(std::size_t bytes_max) {
  const bool drop = drops_wal();
  const auto buffer = berth_.buffer.first(drop ? 0 : bytes_max);
  const runtime::IoResult result = drop ? channel_.discard(bytes_max) : channel_.receive(buffer);
  if (result.status != Status::kDone) return result;
  last_input_ = berth_.loop.now();
  pace_.took(result.bytes);
  if (drop) {
    framer_.skip(result.bytes);
    intake_.on_dropped(result.bytes);
    handler_.on_wal();
  } else {
    take(buffer.first(result.bytes));
  }
  return result;
}

void Feed::take(std::span<const std::byte> bytes) {
  while (is_open_) {
    const BackendFramer::Item item = framer_.next(bytes);
    if (item == BackendFramer::Item::kNone) return;
    take_item(item);
  }
}

void Feed::take_item(BackendFramer::Item item) {
  if (item == BackendFramer::Item::kMessage) return handler_.on_message(framer_.message());
  if (item == BackendFramer::Item::kWalHeader && streams_) {
    return after_wal(intake_.on_header(framer_.header(), channel_.arrived_at()));
  }
  if (item == BackendFramer::Item::kWal) {
    return after_wal(intake_.on_wal(framer_.wal(), channel_.arrived_at()));
  }
  handler_.on_feed_failed({.kind = &kServerProtocol, .what = "malformed message from the server"});
}

void Feed::after_wal(const runtime::Result<void>& taken) {
  if (!taken) return handler_.on_feed_failed(taken.error());
  handler_.on_wal();
}

}  // namespace bench::walbench

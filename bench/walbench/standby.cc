#include "bench/walbench/standby.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <system_error>
#include <utility>

#include "bench/walbench/failures.h"
#include "runtime/format.h"
#include "runtime/log.h"

namespace bench::walbench {

using Status = runtime::IoResult::Status;
using server::wal::Lsn;
using server::wire::to_pg_timestamp;

namespace {

constexpr int kReadsPerEvent = 4;
constexpr std::uint64_t kFailuresLoggedMax = 5;  // per worker

// Without --verify, headers are read together with so much of the WAL behind them that small
// messages cost one call, and little of large ones is copied.
constexpr std::size_t kHeaderReadBytes = 4096;

runtime::Error lost(const char* what, int sys_errno) {
  return {.kind = &kConnectionLost,
          .what = runtime::format("{}: {}", what, std::generic_category().message(sys_errno)),
          .sys_errno = sys_errno};
}

// A server that shuts down ends a stream by this tag alone (walsender.c, WalSndDone).
bool says_shutdown(std::span<const std::byte> tag) {
  constexpr std::string_view kCopyTag = "COPY 0";
  return tag.size() > kCopyTag.size() &&
         std::memcmp(tag.data(), kCopyTag.data(), kCopyTag.size()) == 0;
}

}  // namespace

Standby::Standby(std::size_t index, const Berth& berth, Observer& observer)
    : index_(index),
      berth_(berth),
      observer_(observer),
      channel_(berth.loop, *this),
      timer_(berth.loop.timers(), *this),
      rest_timer_(berth.loop.timers(), *this) {}

void Standby::start() {
  CHECK(state_ == State::kNew);
  timer_.arm(berth_.loop.now() + berth_.options.login_timeout);
  connect();
}

void Standby::connect() {
  state_ = State::kConnecting;
  const auto connecting = channel_.connect(berth_.addresses[next_address_++]);
  if (!connecting) on_connect_failed(connecting.error().sys_errno);
}

// A name may stand for several addresses of which only some are listened on, as localhost does.
void Standby::on_connect_failed(int sys_errno) {
  channel_.close();
  if (next_address_ < berth_.addresses.size()) return connect();
  fail(
      {.kind = &kConnectFailed,
       .what = runtime::format("could not connect: {}", std::generic_category().message(sys_errno)),
       .detail = berth_.addresses.back().text(),
       .sys_errno = sys_errno});
}

void Standby::on_connected() {
  const int error = channel_.connected();
  if (error != 0) return on_connect_failed(error);
  const Options& options = berth_.options;
  if (has_stamps()) ask_for_arrival_times(channel_.fd());
  state_ = State::kLogin;
  login_.emplace(Login::Wish{.timeline = options.timeline, .start = options.start});
  send(Login::greeting(options.user, runtime::format("{}_{}", options.application_name, index_)));
}

void Standby::finish() {
  if (state_ == State::kStreaming) {
    early_end_ = "stopped before --until";
    begin_ending();
  } else if (state_ != State::kEnding && state_ != State::kEnded) {
    fail({.kind = &kStopped, .what = "stopped before it streamed"});
  }
}

void Standby::on_ready(std::uint32_t events) {
  berth_.loop.assert_in_thread();
  if (state_ == State::kConnecting) return on_connected();
  if (state_ != State::kEnded && (events & EPOLLOUT) != 0 && !channel_.flush()) {
    return fail(lost("could not send", ECONNRESET));
  }
  if (state_ != State::kEnded && (events & ~std::uint32_t{EPOLLOUT}) != 0) read();
}

void Standby::read() {
  for (int reads = 0; reads < kReadsPerEvent && state_ != State::kEnded; ++reads) {
    const std::size_t bytes_max = readable_bytes();
    if (bytes_max == 0) {
      channel_.pause_reading(true);
      return rest_timer_.arm(berth_.loop.now() + Pacer::kRest);
    }
    const runtime::IoResult result = read_once(bytes_max);
    if (result.status == Status::kFailed) return fail(lost("connection lost", result.sys_errno));
    if (result.status == Status::kEnd) return on_closed();
    if (result.status == Status::kBlocked || result.bytes < bytes_max) return;
  }
}

// How much one read may bring: what WAL there is to drop, or what the buffer holds.
std::size_t Standby::readable_bytes() {
  std::uint64_t bytes = berth_.buffer.size();
  if (!reads_wal()) bytes = drops_wal() ? framer_.wal_left() : kHeaderReadBytes;
  if (pacer_.has_value()) bytes = std::min(bytes, pacer_->allowed(berth_.loop.now()));
  return bytes;
}

runtime::IoResult Standby::read_once(std::size_t bytes_max) {
  const bool drop = drops_wal();
  const auto buffer = berth_.buffer.first(drop ? 0 : bytes_max);
  const runtime::IoResult result = drop           ? runtime::discard(channel_.fd(), bytes_max)
                                   : has_stamps() ? receive_at(channel_.fd(), buffer, arrived_at_)
                                                  : runtime::receive(channel_.fd(), buffer);
  if (result.status != Status::kDone) return result;
  last_input_ = berth_.loop.now();
  if (pacer_.has_value()) pacer_->took(result.bytes);
  if (drop) {
    framer_.skip(result.bytes);
    advance(result.bytes);
  } else {
    take(buffer.first(result.bytes));
  }
  return result;
}

void Standby::take(std::span<const std::byte> bytes) {
  while (state_ != State::kEnded) {
    const BackendFramer::Item item = framer_.next(bytes);
    if (item == BackendFramer::Item::kNone) return;
    on_item(item);
  }
}

void Standby::on_item(BackendFramer::Item item) {
  const bool streams = state_ == State::kStreaming || state_ == State::kEnding;
  switch (item) {
    case BackendFramer::Item::kMessage:
      if (streams) return on_stream_message(framer_.message());
      return on_login_message(framer_.message());
    case BackendFramer::Item::kWalHeader:
      if (streams) return on_wal_header(framer_.header());
      break;
    case BackendFramer::Item::kWal:
      return on_wal(framer_.wal());
    case BackendFramer::Item::kBroken:
    case BackendFramer::Item::kNone:
      break;
  }
  fail({.kind = &kServerProtocol, .what = "malformed message from the server"});
}

void Standby::on_login_message(const BackendMessage& message) {
  auto step = login_->on_message(message);
  if (!step) return fail(step.error());
  if (step->stream.has_value()) return begin_stream(*step->stream);
  if (!step->send.empty()) send(step->send);
}

void Standby::begin_stream(const StreamPlan& plan) {
  const runtime::Instant now = berth_.loop.now();
  const Options& options = berth_.options;
  plan_ = plan;
  next_ = received_ = plan.start;
  login_.reset();
  state_ = State::kStreaming;
  had_streamed_ = true;
  if (index_ < options.slow_standbys) pacer_.emplace(options.slow_bytes_per_second, now);
  // Status updates are spread over the interval, so that a fleet's do not come all at once.
  constexpr std::size_t kPhases = 16;
  timer_.arm(now + options.status_interval * (index_ % kPhases + 1) / kPhases);
  berth_.tally.streaming_at(now);
  berth_.progress.started.add(1);
  observer_.on_streaming();
  end_if_enough();
}

void Standby::on_stream_message(const BackendMessage& message) {
  switch (message.type) {
    case 'd':  // CopyData
      if (const auto keepalive = parse_keepalive(message.body); keepalive.has_value()) {
        if (keepalive->reply_requested && state_ == State::kStreaming) send_status(false);
        return;
      }
      return fail({.kind = &kServerProtocol, .what = "unknown replication message"});
    case 'c':  // CopyDone: the answer to ours, or the end of the timeline
      if (state_ == State::kEnding) return;
      early_end_ = "timeline ended before --until";
      return begin_ending();
    case 'C':  // CommandComplete
      server_stops_ = server_stops_ || says_shutdown(message.body);
      return;
    case 'Z':  // ReadyForQuery
      return on_stream_over();
    case 'E':
      return fail(parse_server_error(message.body));
    default:  // what ends a stream, notices, parameters
      return;
  }
}

void Standby::on_wal_header(const WalHeader& header) {
  if (header.start != next_) {
    return fail(
        {.kind = &kGap,
         .what = "gap",
         .detail = runtime::format("WAL of {} came, {} was expected", header.start, next_)});
  }
  if (header.bytes == 0) on_wal_message_end();
}

void Standby::on_wal(std::span<const std::byte> wal) {
  if (berth_.verifier != nullptr) {
    const auto equal = berth_.verifier->compare(plan_, next_, wal);
    if (!equal) return fail(equal.error());
  }
  if (has_stamps()) add_delays(wal, berth_.options.stamps, arrived_at_, berth_.tally.stamp_us);
  advance(wal.size());
}

void Standby::advance(std::uint64_t bytes) {
  next_ += bytes;
  berth_.tally.bytes += bytes;
  berth_.progress.bytes.add(bytes);
  if (framer_.wal_left() == 0) on_wal_message_end();
}

void Standby::on_wal_message_end() {
  received_ = next_;
  const WalHeader& header = framer_.header();
  berth_.tally.message_bytes.add(header.bytes);
  if (index_ >= berth_.options.slow_standbys) {
    const auto delay = to_pg_timestamp(berth_.loop.wall_now()) - header.send_time;
    berth_.tally.delay_us.add(static_cast<std::uint64_t>(std::max<std::int64_t>(delay, 0)));
  }
  end_if_enough();
}

void Standby::on_timer(runtime::Timer& timer) {
  berth_.loop.assert_in_thread();
  if (&timer == &rest_timer_) return channel_.pause_reading(false);
  if (state_ == State::kStreaming) return on_status_due();
  const char* where = state_ == State::kConnecting ? "connecting"
                      : state_ == State::kLogin    ? login_->waits_for()
                                                   : "the end of the stream";
  fail({.kind = &kTimeout, .what = runtime::format("timeout: {}", where)});
}

void Standby::on_status_due() {
  const runtime::Instant now = berth_.loop.now();
  const runtime::Duration silence = now - last_input_;
  if (silence >= berth_.options.receiver_timeout) {
    return fail({.kind = &kTimeout, .what = "timeout: the server is silent"});
  }
  timer_.arm(now + berth_.options.status_interval);
  send_status(/*reply_requested=*/silence >= berth_.options.receiver_timeout / 2);
}

// While earlier ones still wait to be sent, one more would tell the server nothing.
void Standby::send_status(bool reply_requested) {
  if (channel_.has_unsent()) return;
  send(status_update(received_, to_pg_timestamp(berth_.loop.wall_now()), reply_requested));
}

void Standby::send(std::span<const std::byte> bytes) {
  if (!channel_.send(bytes)) fail(lost("could not send", ECONNRESET));
}

void Standby::begin_ending() {
  state_ = State::kEnding;
  pacer_.reset();
  rest_timer_.disarm();
  channel_.pause_reading(false);
  timer_.arm(berth_.loop.now() + berth_.options.ending_timeout);
  send_status(false);
  if (state_ == State::kEnding) send(kCopyDone);
}

void Standby::end_if_enough() {
  const auto& until = berth_.options.until;
  if (state_ == State::kStreaming && until.has_value() && received_ >= *until) begin_ending();
}

void Standby::on_closed() {
  if (server_stops_ && state_ == State::kEnding) return on_stream_over();
  fail({.kind = &kConnectionLost,
        .what = server_stops_ ? "server shut down" : "connection closed early"});
}

void Standby::on_stream_over() {
  if (state_ != State::kEnding) {
    return fail({.kind = &kServerProtocol, .what = "stream ended without CopyDone"});
  }
  if (received_ < berth_.options.until.value_or(Lsn())) {
    return fail({.kind = &kStopped, .what = early_end_});
  }
  static_cast<void>(channel_.send(kTerminate));
  ++berth_.tally.completed;
  end();
}

void Standby::fail(const runtime::Error& why) {
  if (state_ == State::kEnded) return;
  Tally& tally = berth_.tally;
  if (tally.failures.total() < kFailuresLoggedMax) {
    runtime::log::error("standby {}: {}{}{}", index_, why.what, why.detail.empty() ? "" : ": ",
                        why.detail);
  }
  tally.failures.add(why.what);
  if (why.kind == &kMismatch) ++tally.mismatches;
  berth_.progress.failed.add(1);
  end();
}

void Standby::end() {
  state_ = State::kEnded;
  timer_.disarm();
  rest_timer_.disarm();
  channel_.close();
  if (had_streamed_) {
    berth_.tally.ended_at(berth_.loop.now());
    berth_.progress.ended.add(1);
  }
  observer_.on_ended(had_streamed_);
}

}  // namespace bench::walbench

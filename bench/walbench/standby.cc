#include "bench/walbench/standby.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

#include "bench/walbench/failures.h"
#include "runtime/format.h"
#include "runtime/log.h"

namespace bench::walbench {

using server::wal::Lsn;
using server::wire::to_pg_timestamp;

namespace {

constexpr std::uint64_t kFailuresLoggedMax = 5;  // per worker and group

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
      group_(berth.port.plan.group_of(index)),
      tally_(berth.tallies[berth.port.plan.group_index(index)]),
      tls_(berth.port.tls[berth.port.plan.group_index(index)].get()),
      channel_(berth.loop, *this),
      intake_(index, berth),
      feed_(group_, berth, channel_, intake_, tls_ != nullptr, *this),
      acknowledgement_(group_.acknowledge_delay, berth.options().feedback_of(group_)),
      timer_(berth.loop.timers(), *this),
      reconnect_timer_(berth.loop.timers(), *this) {}

void Standby::want_login() {
  if (state_ == State::kEnded) return;
  state_ = State::kWaiting;
  observer_.on_login_wanted(*this);
}

void Standby::start() {
  CHECK(waits_for_login());
  logs_in_ = true;
  state_ = State::kEntering;
  timer_.arm(berth_.loop.now() + berth_.options().login_timeout);
  feed_.open();
  entrance_ = new_entrance();
  after(entrance_->connect());
}

std::unique_ptr<Entrance> Standby::new_entrance() {
  static server::auth::SystemRandom random;
  const Options& options = berth_.options();
  const std::string& user = options.user_of(group_);
  PasswordProof proof(user, options.password_of(group_), berth_.scram_keys, random);
  return std::make_unique<Entrance>(Entrance::Options{.standby = index_, .tls = tls_, .user = user},
                                    berth_, channel_, Login(wish(), std::move(proof)));
}

// A standby that has streamed goes on where it was.
Login::Wish Standby::wish() const {
  const Options& options = berth_.options();
  Login::Wish wish{.timeline = options.timeline,
                   .start = options.start_of(group_),
                   .slot = slot_name(),
                   .makes_slot = !group_.slots.empty() && !has_slot_,
                   .follows_timelines = group_.retry.has_value()};
  if (had_streamed_) {
    wish.timeline = intake_.plan().timeline;
    wish.start = behaviour::StartPoint::at(received());
  }
  return wish;
}

std::string Standby::slot_name() const {
  return group_.slots.empty() ? "" : runtime::format("{}_{}", group_.slots, index_);
}

// A standby that is on its way back comes in first.
void Standby::finish() {
  if (state_ == State::kEnding || state_ == State::kLeaving || state_ == State::kEnded) return;
  finishing_ = true;
  early_end_ = "stopped before --until";
  if (state_ == State::kStreaming) return begin_ending();
  if (had_streamed_ && state_ != State::kAway) return;
  // Its time to come was not there yet.
  if (group_.is_late() && state_ == State::kAway && !logs_in_) return end();
  fail({.kind = &kStopped,
        .what =
            had_streamed_ ? "stopped before it could stream again" : "stopped before it streamed"});
}

void Standby::abort(const runtime::Error& why) {
  finishing_ = true;
  fail(why);
}

void Standby::on_ready(std::uint32_t events) {
  berth_.loop.assert_in_thread();
  if (!is_connected()) return;
  const bool has_messages = entrance_ == nullptr || entrance_->logs_in();
  if (!has_messages) return after(entrance_->on_ready(events));
  if ((events & EPOLLOUT) != 0 && !channel_.flush()) {
    return fail(connection_lost("could not send", ECONNRESET));
  }
  if ((events & ~std::uint32_t{EPOLLOUT}) != 0) feed_.read();
}

void Standby::after(const runtime::Result<void>& step) {
  if (!step) fail(step.error());
}

void Standby::on_message(const BackendMessage& message) {
  if (entrance_ != nullptr) return on_login_message(message);
  on_stream_message(message);
}

void Standby::on_login_message(const BackendMessage& message) {
  const auto stream = entrance_->on_message(message);
  if (entrance_->has_made_slot() && !std::exchange(has_slot_, true)) ++tally_.slots_made;
  if (!stream) return fail(stream.error());
  if (stream->has_value()) begin_stream(**stream);
}

void Standby::begin_stream(const StreamPlan& plan) {
  const runtime::Instant now = berth_.loop.now();
  const Options& options = berth_.options();
  entrance_.reset();
  state_ = State::kStreaming;
  intake_.begin(plan);
  if (berth_.recorder != nullptr) {
    const auto begun = berth_.recorder->begin(plan, wall_now());
    if (!begun) return fail(begun.error());
  }
  feed_.begin_stream();
  // Status updates are spread over the interval, so that a fleet's do not come all at once.
  constexpr std::size_t kPhases = 16;
  timer_.arm(now + options.status_interval * (index_ % kPhases + 1) / kPhases);
  if (std::exchange(logs_in_, false)) observer_.on_login_over();
  if (!std::exchange(had_streamed_, true)) on_first_stream();
  if (finishing_) return begin_ending();
  on_wal();
}

void Standby::on_first_stream() {
  tally_.streaming_at(berth_.loop.now());
  berth_.progress.of(group_).started.add(1);
  if (group_.reconnect_every.count() > 0) arm_reconnect();
  observer_.on_settled(*this);
}

void Standby::on_stream_message(const BackendMessage& message) {
  switch (message.type) {
    case 'd':  // CopyData
      return on_copy_data(message);
    case 'c':  // CopyDone: the answer to ours, or the end of the timeline
      if (state_ != State::kStreaming) return;
      early_end_ = "timeline ended before --until";
      return begin_ending();
    case 'D':  // DataRow
      next_timeline_ = parse_next_timeline(message.body);
      return;
    case 'C':  // CommandComplete
      server_stops_ = server_stops_ || says_shutdown(message.body);
      return;
    case 'Z':  // ReadyForQuery
      return on_server_ready();
    case 'E':
      return fail(parse_server_error(message.body));
    default:  // what ends a stream, notices, parameters
      return;
  }
}

void Standby::on_copy_data(const BackendMessage& message) {
  const auto keepalive = parse_keepalive(message.body);
  if (!keepalive) return fail({.kind = &kServerProtocol, .what = "unknown replication message"});
  if (keepalive->reply_requested && state_ == State::kStreaming) send_status(false);
}

void Standby::on_wal() {
  acknowledgement_.note(berth_.loop.now(), received());
  end_if_enough();
}

void Standby::on_timer(runtime::Timer& timer) {
  berth_.loop.assert_in_thread();
  if (&timer == &reconnect_timer_) return on_reconnect_due();
  if (state_ == State::kAway) return want_login();
  if (state_ == State::kStreaming) return on_status_due();
  fail({.kind = &kTimeout, .what = runtime::format("timeout: {}", waits_for())});
}

const char* Standby::waits_for() const {
  if (entrance_ != nullptr) return entrance_->waits_for();
  return state_ == State::kLeaving ? "DROP_REPLICATION_SLOT" : "the end of the stream";
}

void Standby::on_status_due() {
  const runtime::Instant now = berth_.loop.now();
  timer_.arm(now + berth_.options().status_interval);
  if (feed_.stalls()) return feed_.excuse_silence();
  const runtime::Duration silence = now - feed_.last_input();
  if (silence >= berth_.options().receiver_timeout) {
    return fail({.kind = &kTimeout, .what = "timeout: the server is silent"});
  }
  if (channel_.has_unsent()) return;
  send(acknowledgement_.periodic(now, to_pg_timestamp(berth_.loop.wall_now()),
                                 silence >= berth_.options().receiver_timeout / 2));
}

// While earlier ones still wait to be sent, one more would tell the server nothing.
void Standby::send_status(bool reply_requested) {
  if (channel_.has_unsent()) return;
  send(acknowledgement_.status(berth_.loop.now(), to_pg_timestamp(berth_.loop.wall_now()),
                               reply_requested));
}

void Standby::send(std::span<const std::byte> bytes) {
  if (!channel_.send(bytes)) fail(connection_lost("could not send", ECONNRESET));
}

void Standby::arm_reconnect() {
  const auto next = [this] {
    return berth_.port.begin + berth_.port.plan.reconnect_at(index_, reconnect_round_++);
  };
  runtime::Instant at = next();
  while (at <= berth_.loop.now()) at = next();
  reconnect_timer_.arm(at);
}

// One that is away has no connection to drop, and one that hangs drops none.
void Standby::on_reconnect_due() {
  arm_reconnect();
  if (state_ != State::kStreaming || feed_.stalls()) return;
  ++tally_.reconnects;
  disconnect();
  want_login();
}

void Standby::begin_ending() {
  state_ = State::kEnding;
  feed_.end_pace();
  timer_.arm(berth_.loop.now() + berth_.options().ending_timeout);
  send_status(false);
  if (state_ == State::kEnding) send(kCopyDone);
}

void Standby::end_if_enough() {
  const auto& until = berth_.options().until;
  if (state_ == State::kStreaming && until.has_value() && received() >= *until) begin_ending();
}

void Standby::on_feed_end() {
  const bool ends = finishing_ || !group_.retry.has_value();
  if (server_stops_ && state_ == State::kEnding && ends) return complete();
  fail({.kind = &kConnectionLost,
        .what = server_stops_ ? "server shut down" : "connection closed early"});
}

void Standby::on_server_ready() {
  if (state_ == State::kLeaving) {
    ++tally_.slots_dropped;
    return complete();
  }
  if (state_ != State::kEnding) {
    return fail({.kind = &kServerProtocol, .what = "stream ended without CopyDone"});
  }
  const auto next = std::exchange(next_timeline_, std::nullopt);
  if (next.has_value() && group_.retry.has_value() && !finishing_) return follow(*next);
  if (!has_slot_) return complete();
  state_ = State::kLeaving;
  send(query(runtime::format("DROP_REPLICATION_SLOT \"{}\"", slot_name())));
}

// The timeline has ended, as it does where another server has become the primary.
void Standby::follow(const NextTimeline& next) {
  StreamPlan plan = intake_.plan();
  plan.timeline = next.timeline;
  plan.start = received();
  state_ = State::kEntering;
  timer_.arm(berth_.loop.now() + berth_.options().login_timeout);
  entrance_ = new_entrance();
  after(entrance_->resume(plan));
}

void Standby::complete() {
  if (received() < berth_.options().until.value_or(Lsn())) {
    return fail({.kind = &kStopped, .what = early_end_});
  }
  static_cast<void>(channel_.send(kTerminate));
  ++tally_.completed;
  end();
}

bool Standby::may_retry(const runtime::Error& why) const {
  const auto kinds = {&kConnectFailed, &kConnectionLost, &kTimeout, &kServerError};
  const bool passing = std::find(kinds.begin(), kinds.end(), why.kind) != kinds.end();
  return passing && group_.retry.has_value() && !finishing_;
}

void Standby::fail(const runtime::Error& why) {
  if (state_ == State::kEnded) return;
  if (may_retry(why)) {
    tally_.losses.add(why.what);
    disconnect();
    return timer_.arm(berth_.loop.now() + *group_.retry);
  }
  berth_.progress.of(group_).lost_stamps.add(intake_.stamps());
  count_failure(why);
  end();
}

void Standby::count_failure(const runtime::Error& why) {
  if (tally_.failures.total() < kFailuresLoggedMax) {
    runtime::log::error("standby {}: {}{}{}", index_, why.what, why.detail.empty() ? "" : ": ",
                        why.detail);
  }
  tally_.failures.add(why.what);
  if (why.kind == &kMismatch) ++tally_.mismatches;
  berth_.progress.failed.add(1);
}

void Standby::disconnect() {
  state_ = State::kAway;
  timer_.disarm();
  feed_.close();
  channel_.close();
  entrance_.reset();
  server_stops_ = false;
  next_timeline_.reset();
  if (std::exchange(logs_in_, false)) observer_.on_login_over();
}

void Standby::end() {
  disconnect();
  state_ = State::kEnded;
  reconnect_timer_.disarm();
  if (had_streamed_) {
    if (berth_.recorder != nullptr) {
      const auto whole = berth_.recorder->finish(wall_now());
      if (!whole) count_failure(whole.error());
    }
    tally_.ended_at(berth_.loop.now());
    berth_.progress.of(group_).ended.add(1);
  } else {
    observer_.on_settled(*this);
  }
  observer_.on_ended();
}

}  // namespace bench::walbench

#include "bench/walbench/worker.h"

#include <algorithm>
#include <utility>

#include "bench/walbench/failures.h"

namespace bench::walbench {

namespace {

constexpr std::size_t kBufferBytes = 128 * 1024;  // stays in the second-level cache

std::optional<Verifier> make_verifier(const Options& options) {
  if (options.verify_directory.empty()) return std::nullopt;
  return std::optional<Verifier>(std::in_place, options.verify_directory);
}

std::optional<Arrivals> make_arrivals(const Options& options) {
  if (options.arrivals_windows == nullptr) return std::nullopt;
  const std::size_t standbys_max = options.standbys() / options.threads + 1;
  return std::optional<Arrivals>(std::in_place, options.groups.size(), standbys_max,
                                 *options.arrivals_windows);
}

std::optional<Recorder> make_recorder(const Options& options) {
  if (options.record_file.empty()) return std::nullopt;
  return std::optional<Recorder>(std::in_place, options.record_file);
}

}  // namespace

Worker::Worker(std::size_t index, const runtime::Clock& clock, const Port& port, Listener& listener)
    : listener_(listener),
      loop_(clock, {}),
      logins_max_(std::max<std::size_t>(1, port.options.logins_max / port.options.threads)),
      buffer_(kBufferBytes),
      verifier_(make_verifier(port.options)),
      tallies_(port.options.groups.size()),
      arrivals_(make_arrivals(port.options)),
      recorder_(make_recorder(port.options)),
      berth_{.port = port,
             .loop = loop_,
             .buffer = buffer_,
             .verifier = verifier_.has_value() ? &*verifier_ : nullptr,
             .tallies = tallies_,
             .arrivals = arrivals_.has_value() ? &*arrivals_ : nullptr,
             .recorder = recorder_.has_value() ? &*recorder_ : nullptr,
             .stamps = stamps_,
             .scram_keys = scram_keys_,
             .progress = progress_},
      arrival_timer_(loop_.timers(), *this) {
  Standby::Observer& observer = *this;  // private: a container could not make it one
  for (std::size_t i = index; i < port.plan.standbys(); i += port.options.threads) {
    Standby& standby = standbys_.emplace_back(i, berth_, observer);
    to_come_.push_back(&standby);
    to_settle_ += standby.group().is_late() ? 0 : 1;
  }
  std::stable_sort(to_come_.begin(), to_come_.end(), [&](const Standby* a, const Standby* b) {
    return port.plan.arrival(a->index()) > port.plan.arrival(b->index());
  });
}

void Worker::run() {
  loop_.set_turn_work(this);
  loop_.doorbell().ring();  // for a first turn, which has the first standbys come
  if (to_settle_ == 0) listener_.on_settled();
  loop_.run();
}

void Worker::finish() {
  loop_.mailbox().post([this] { end_all(/*now=*/false); });
}

void Worker::abort() {
  loop_.mailbox().post([this] { end_all(/*now=*/true); });
}

void Worker::take_sample(std::uint64_t number) {
  loop_.mailbox().post([this, number] { tell_sample(number); });
}

void Worker::tell_sample(std::uint64_t number) {
  loop_.assert_in_thread();
  auto sample = std::make_unique<WorkerSample>();
  sample->number = number;
  sample->positions.reserve(standbys_.size());
  for (const Standby& standby : standbys_) {
    if (!standby.streams()) continue;
    sample->positions.push_back(
        {berth_.port.plan.group_index(standby.index()), standby.received()});
  }
  if (arrivals_.has_value()) sample->arrived_us = arrivals_->take_recent_us();
  listener_.on_sample(std::move(sample));
}

void Worker::on_login_wanted(Standby& standby) { waiting_.push_back(&standby); }

void Worker::on_login_over() { --logins_; }

void Worker::on_settled(const Standby& standby) {
  if (standby.group().is_late()) return;
  if (--to_settle_ == 0) listener_.on_settled();
}

void Worker::on_ended() {
  if (++ended_ == standbys_.size()) loop_.stop();
}

void Worker::on_timer(runtime::Timer& /*timer*/) {}  // the turn goes on with its work

void Worker::take_arrivals() {
  while (!to_come_.empty()) {
    const runtime::Instant at =
        berth_.port.begin + berth_.port.plan.arrival(to_come_.back()->index());
    if (at > loop_.now()) return arrival_timer_.arm(at);
    to_come_.back()->arrive();
    to_come_.pop_back();
  }
}

bool Worker::on_turn() {
  take_arrivals();
  while (!waiting_.empty() && logins_ < logins_max_) {
    Standby& standby = *waiting_.front();
    waiting_.pop_front();
    if (!standby.waits_for_login()) continue;
    ++logins_;
    standby.start();
  }
  return false;
}

void Worker::end_all(bool now) {
  loop_.assert_in_thread();
  to_come_.clear();
  arrival_timer_.disarm();
  if (arrivals_.has_value()) arrivals_->close();
  for (Standby& standby : standbys_) {
    if (now) standby.abort({.kind = &kStopped, .what = "stopped"});
    if (!now) standby.finish();
  }
}

}  // namespace bench::walbench

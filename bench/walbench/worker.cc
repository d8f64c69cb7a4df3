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

}  // namespace

Worker::Worker(std::size_t index, const runtime::Clock& clock, const Options& options,
               std::span<const runtime::SocketAddress> addresses)
    : loop_(clock, {}),
      logins_max_(std::max<std::size_t>(1, options.logins_max / options.threads)),
      buffer_(kBufferBytes),
      verifier_(make_verifier(options)),
      berth_{.loop = loop_,
             .options = options,
             .addresses = addresses,
             .buffer = buffer_,
             .verifier = verifier_.has_value() ? &*verifier_ : nullptr,
             .tally = tally_,
             .progress = progress_} {
  Standby::Observer& observer = *this;  // private: a container could not make it one
  for (std::size_t i = index; i < options.standbys; i += options.threads) {
    standbys_.emplace_back(i, berth_, observer);
  }
}

void Worker::run() {
  loop_.set_turn_work(this);
  loop_.doorbell().ring();  // for a first turn, which starts the first standbys
  loop_.run();
}

void Worker::finish() {
  loop_.mailbox().post([this] { end_all(/*now=*/false); });
}

void Worker::abort() {
  loop_.mailbox().post([this] { end_all(/*now=*/true); });
}

void Worker::on_ended(bool had_streamed) {
  if (!had_streamed) --logins_;
  if (++ended_ == standbys_.size()) loop_.stop();
}

bool Worker::on_turn() {
  while (started_ < standbys_.size() && logins_ < logins_max_) {
    ++logins_;
    standbys_[started_++].start();
  }
  return false;
}

void Worker::end_all(bool now) {
  loop_.assert_in_thread();
  logins_ += standbys_.size() - std::exchange(started_, standbys_.size());
  for (Standby& standby : standbys_) {
    if (now) standby.abort({.kind = &kStopped, .what = "stopped"});
    if (!now) standby.finish();
  }
}

}  // namespace bench::walbench

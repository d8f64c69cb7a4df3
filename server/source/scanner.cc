#include "server/source/scanner.h"

#include <utility>

namespace server::source {

void Scanner::start(const wal::Identity& identity) {
  identity_ = identity;
  thread_ =
      std::make_unique<runtime::NamedThread>("scan", [this](memctx::Context&) { loop_.run(); });
}

void Scanner::stop() {
  if (thread_ == nullptr) return;
  loop_.stop();
  thread_->join();
  thread_.reset();
}

void Scanner::scan() {
  if (std::exchange(runs_, true)) {
    asked_again_ = true;
    return;
  }
  loop_.mailbox().post([this, served = listener_.served_timeline()] { look(served); });
}

bool Scanner::scan_at_leisure() {
  if (runs_ || home_.now() < not_before_) return false;
  scan();
  return true;
}

void Scanner::look(wal::TimelineId served) {
  loop_.assert_in_thread();
  const runtime::Instant begun = clock_.now();
  auto found = std::make_unique<Found>(wal::survey_timelines(directory_, identity_, served));
  const runtime::Duration took = clock_.now() - begun;
  home_.mailbox().post([this, took, owned = std::move(found)] {
    home_.assert_in_thread();
    done(std::move(*owned), took);
  });
}

void Scanner::done(Found found, runtime::Duration took) {
  home_.assert_in_thread();
  runs_ = false;
  not_before_ = home_.now() + kShareOfTime * took;
  listener_.on_scanned(std::move(found));
  if (std::exchange(asked_again_, false)) scan();
}

}  // namespace server::source

#include "server/source/scanner.h"

#include <utility>

namespace server::source {

void Scanner::start() {
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
  loop_.mailbox().post([this] { look(); });
}

bool Scanner::scan_at_leisure() {
  if (runs_ || home_.now() < not_before_) return false;
  scan();
  return true;
}

void Scanner::look() {
  loop_.assert_in_thread();
  const runtime::Instant begun = clock_.now();
  auto inventory = wal::take_inventory(directory_);
  auto files = wal::Directory(directory_).read_histories();
  const runtime::Duration took = clock_.now() - begun;
  auto found = std::make_unique<Found>(Found{std::move(inventory), std::move(files)});
  home_.mailbox().post([this, took, owned = std::move(found)] {
    home_.assert_in_thread();
    done(std::move(*owned), took);
  });
}

void Scanner::done(Found found, runtime::Duration took) {
  home_.assert_in_thread();
  runs_ = false;
  not_before_ = home_.now() + kShareOfTime * took;
  if (std::exchange(asked_again_, false)) scan();
  listener_.on_scanned(std::move(found));
}

}  // namespace server::source

#include "server/shutdown.h"

#include <unistd.h>

#include <utility>

#include "runtime/check.h"
#include "runtime/log.h"

namespace server {

void Shutdown::begin(source::Source& source, runtime::Duration timeout) {
  CHECK(!has_begun());
  phase_ = Phase::kSource;
  for (const auto& acceptor : acceptors_) acceptor->stop();
  timer_.arm(loop_.now() + timeout);
  source_stopper_ =
      std::make_unique<runtime::NamedThread>("stopper", [this, &source](memctx::Context&) {
        source.stop();
        loop_.mailbox().post([this] {
          loop_.assert_in_thread();
          on_source_ended();
        });
      });
}

void Shutdown::hurry() {
  CHECK(has_begun());
  shut_down_workers();
  for (const auto& worker : workers_) worker->cut_short();
  timer_.arm(loop_.now() + kLastGrace);
}

void Shutdown::finish() {
  if (source_stopper_ != nullptr && !source_ended_) {
    runtime::log::fatal("the source of WAL did not stop in time; ending without it");
    runtime::log::drain(kLastGrace);
    ::_exit(1);
  }
  source_stopper_.reset();
}

void Shutdown::on_timer(runtime::Timer& /*timer*/) {
  loop_.assert_in_thread();
  source_given_up_ = true;
  shut_down_workers();
  end_loop_if_done();
}

void Shutdown::on_source_ended() {
  source_ended_ = true;
  shut_down_workers();
  end_loop_if_done();
}

void Shutdown::shut_down_workers() {
  if (std::exchange(phase_, Phase::kWorkers) == Phase::kWorkers) return;
  for (const auto& worker : workers_) {
    worker->begin_shut_down([this] {
      loop_.mailbox().post([this] {
        loop_.assert_in_thread();
        ++workers_ended_;
        end_loop_if_done();
      });
    });
  }
}

void Shutdown::end_loop_if_done() {
  if (workers_ended_ == workers_.size() && (source_ended_ || source_given_up_)) loop_.stop();
}

}  // namespace server

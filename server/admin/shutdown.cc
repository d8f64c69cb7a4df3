#include "server/admin/shutdown.h"

#include <unistd.h>

#include <utility>

#include "runtime/check.h"
#include "runtime/log.h"

namespace server::admin {

void Shutdown::begin(source::Source& source, runtime::Duration timeout) {
  CHECK(!has_begun());
  phase_ = Phase::kSource;
  handler_.stop_accepting();
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
  shut_down_sessions();
  handler_.cut_sessions();
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
  shut_down_sessions();
  end_loop_if_done();
}

void Shutdown::on_source_ended() {
  source_ended_ = true;
  shut_down_sessions();
  end_loop_if_done();
}

void Shutdown::shut_down_sessions() {
  if (std::exchange(phase_, Phase::kSessions) != Phase::kSessions) handler_.shut_down_sessions();
}

void Shutdown::on_sessions_ended() {
  sessions_ended_ = true;
  end_loop_if_done();
}

void Shutdown::end_loop_if_done() {
  if (sessions_ended_ && (source_ended_ || source_given_up_)) loop_.stop();
}

}  // namespace server::admin

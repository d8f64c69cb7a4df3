#include "server/acceptor.h"

#include <algorithm>
#include <cstring>
#include <memory_resource>
#include <string>
#include <utility>

#include "runtime/check.h"
#include "runtime/format.h"
#include "runtime/log.h"
#include "runtime/memory_report.h"
#include "server/session/origin.h"
#include "server/wire/message.h"

namespace server {

Acceptor::Acceptor(std::size_t index, const runtime::Clock& clock,
                   const std::vector<std::unique_ptr<Worker>>& workers,
                   session::ProcessIds& process_ids, session::Admissions& admissions)
    : index_(index),
      workers_(workers),
      process_ids_(process_ids),
      admissions_(admissions),
      loop_(clock, {}),
      strangers_(loop_),
      pause_timer_(loop_.timers(), *this) {}

void Acceptor::listen(runtime::UniqueFd fd) {
  loop_.assert_in_thread();
  listeners_.push_back(std::make_unique<Listener>(*this, std::move(fd)));
}

void Acceptor::start(const runtime::ConnectionLimits& limits) {
  loop_.assert_in_thread();
  CHECK(limits.admitted_max <= limits.open_max);
  limits_ = limits;
  for (const auto& listener : listeners_) loop_.watch(listener->fd(), EPOLLIN, *listener);
  thread_ = std::make_unique<runtime::NamedThread>(runtime::format("acceptor-{}", index_),
                                                   [this](memctx::Context&) { loop_.run(); });
}

void Acceptor::stop() {
  if (thread_ == nullptr) return;
  loop_.stop();
  thread_.reset();
  loop_.assert_in_thread();
  listeners_.clear();
}

void Acceptor::log_memory_contexts() {
  loop_.mailbox().post([] { runtime::log_memory_contexts(); });
}

void Acceptor::accept_all(Listener& listener) {
  loop_.assert_in_thread();
  for (int i = 0; i < kAcceptsPerTurn; ++i) {
    const std::int64_t open = open_connections();
    if (open >= limits_.open_max) {
      return pause("new connections have to wait: so many are open as the limit of files allows");
    }
    runtime::Accepted accepted = runtime::accept_from(listener.fd());
    if (accepted.sys_errno != 0) {  // out of descriptors or memory
      return pause(runtime::format("could not accept new connection: {}",
                                   std::strerror(accepted.sys_errno)));
    }
    if (!accepted.fd) {
      pause_logged_ = false;
      return;
    }
    hand_over(std::move(accepted), open >= limits_.admitted_max);
  }
}

void Acceptor::hand_over(runtime::Accepted accepted, bool too_many) {
  auto place = admissions_.admit(session::Origin(accepted.peer));
  if (!place) return turn_away(accepted, place.error());
  least_loaded().adopt({.fd = std::move(accepted.fd),
                        .peer = accepted.peer,
                        .process_id = process_ids_.take(),
                        .too_many = too_many,
                        .place = *std::move(place)});
}

// As PostgreSQL does when it cannot fork (postmaster.c, report_fork_failure_to_client): the client
// may not have said anything yet, and is not waited for. What it has sent is thrown away, since a
// close with input would take the answer back.
void Acceptor::turn_away(const runtime::Accepted& accepted, const runtime::Error& error) {
  std::string line = error.what;
  if (!error.detail.empty()) line += runtime::format(": {}", error.detail);
  strangers_.log(accepted.peer.text(), line);
  wire::MessageWriter out(std::pmr::get_default_resource());
  out.error_response(wire::Severity::kFatal, error);
  const iovec piece{const_cast<std::byte*>(out.bytes().data()), out.bytes().size()};
  static_cast<void>(runtime::send_vector(accepted.fd.get(), {&piece, 1}, /*more=*/false));
  static_cast<void>(runtime::discard(accepted.fd.get(), kInputDroppedMax));
}

// Clients wait in the kernel's backlog until the timer fires.
void Acceptor::pause(std::string_view why) {
  if (!std::exchange(pause_logged_, true)) runtime::log::log("{}", why);
  set_listening(false);
  pause_timer_.arm(loop_.now() + kPauseWhenExhausted);
}

std::int64_t Acceptor::open_connections() const {
  std::int64_t open = 0;
  for (const auto& worker : workers_) open += worker->load();
  return open;
}

void Acceptor::set_listening(bool listening) {
  for (const auto& listener : listeners_) {
    loop_.rewatch(listener->fd(), listening ? EPOLLIN : 0u, *listener);
  }
}

void Acceptor::on_timer(runtime::Timer& /*timer*/) {
  loop_.assert_in_thread();
  set_listening(true);
}

Worker& Acceptor::least_loaded() const {
  return **std::min_element(workers_.begin(), workers_.end(),
                            [](const auto& a, const auto& b) { return a->load() < b->load(); });
}

runtime::Result<runtime::ConnectionLimits> find_connection_limits(const config::ServeConfig& config,
                                                                  std::int64_t descriptors) {
  constexpr std::size_t kFilesPerThread = 4;  // of the pool
  constexpr std::size_t kOtherFiles = 16;     // of the source, of slots and of a reload
  const std::size_t files_max =
      config.workers *
          (stream::WalView::Options().segments_max + stream::WalView::Options().held_max) +
      static_cast<std::size_t>(runtime::Pool::threads_in_all(config.io_threads)) * kFilesPerThread +
      kOtherFiles;
  const runtime::ConnectionLimits limits = TRY(runtime::share_out_descriptors(
      descriptors, runtime::count_open_descriptors(), static_cast<std::int64_t>(files_max)));
  if (config.reloadable.max_wal_senders > limits.admitted_max) {
    runtime::log::warning(
        "max_wal_senders is {}, but a limit of {} open files leaves room for {} connections only",
        config.reloadable.max_wal_senders, descriptors, limits.admitted_max);
  }
  return limits;
}

session::Admissions::Limits admission_limits(const config::ClientLimits& limits) {
  return {.connections_max = limits.connections_max,
          .per_address_max = limits.per_address_max,
          .per_role_max = limits.per_role_max,
          .startups_max = limits.startups_max,
          .startups_per_address_max = limits.startups_per_address_max,
          .cancels_per_second = limits.cancels_per_second,
          .failure_delay = limits.failure_delay};
}

}  // namespace server

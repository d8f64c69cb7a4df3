#include "server/acceptor.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "runtime/check.h"
#include "runtime/format.h"
#include "runtime/log.h"
#include "runtime/memory_report.h"

namespace server {

Acceptor::Acceptor(std::size_t index, const runtime::Clock& clock,
                   const std::vector<std::unique_ptr<Worker>>& workers,
                   session::ProcessIds& process_ids)
    : index_(index),
      workers_(workers),
      process_ids_(process_ids),
      loop_(clock, {}),
      pause_timer_(loop_.timers(), *this) {}

runtime::Result<runtime::SocketAddress> Acceptor::listen(const runtime::SocketAddress& address) {
  loop_.assert_in_thread();
  runtime::UniqueFd fd = TRY(runtime::listen_on(address, kBacklog));
  const runtime::SocketAddress bound = runtime::local_address(fd.get());
  listeners_.push_back(std::make_unique<Listener>(*this, std::move(fd)));
  return bound;
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
    least_loaded().adopt({.fd = std::move(accepted.fd),
                          .peer = accepted.peer,
                          .process_id = process_ids_.take(),
                          .too_many = open >= limits_.admitted_max});
  }
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

}  // namespace server

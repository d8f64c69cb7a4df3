#include "runtime/signals.h"

#include <sys/signalfd.h>
#include <unistd.h>

#include "runtime/check.h"

namespace runtime {

namespace {

sigset_t set_of(std::initializer_list<int> signals) {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : signals) sigaddset(&set, signal);
  return set;
}

void end(int signal) { ::_exit(signal == SIGQUIT ? 2 : 0); }

}  // namespace

Signals::Signals(Loop& loop, std::initializer_list<int> signals, Handler& handler)
    : loop_(loop), handler_(handler) {
  const sigset_t set = set_of(signals);
  CHECK(::pthread_sigmask(SIG_BLOCK, &set, nullptr) == 0);
  ::signal(SIGPIPE, SIG_IGN);
  fd_.reset(::signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
  CHECK(fd_.valid());
  loop_.watch(fd_.get(), EPOLLIN, *this);
}

Signals::~Signals() { loop_.unwatch(fd_.get()); }

void Signals::on_ready(std::uint32_t /*events*/) {
  loop_.assert_in_thread();
  signalfd_siginfo info;
  while (::read(fd_.get(), &info, sizeof(info)) == sizeof(info)) {
    handler_.on_signal(static_cast<int>(info.ssi_signo));
  }
}

EndOnSignals::EndOnSignals(std::initializer_list<int> signals) {
  struct sigaction action {};
  action.sa_handler = end;
  for (const int signal : signals) {
    struct sigaction before {};
    CHECK(::sigaction(signal, &action, &before) == 0);
    actions_before_.emplace_back(signal, before);
  }
  const sigset_t set = set_of(signals);
  sigset_t mask_before;
  CHECK(::pthread_sigmask(SIG_UNBLOCK, &set, &mask_before) == 0);
  CHECK(::sigandset(&blocked_before_, &mask_before, &set) == 0);
}

EndOnSignals::~EndOnSignals() {
  CHECK(::pthread_sigmask(SIG_BLOCK, &blocked_before_, nullptr) == 0);
  for (const auto& [signal, before] : actions_before_) {
    CHECK(::sigaction(signal, &before, nullptr) == 0);
  }
}

}  // namespace runtime

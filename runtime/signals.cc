#include "runtime/signals.h"

#include <sys/signalfd.h>

#include "runtime/check.h"

namespace runtime {

Signals::Signals(Loop& loop, std::initializer_list<int> signals, Handler& handler)
    : loop_(loop), handler_(handler) {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : signals) sigaddset(&set, signal);
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

}  // namespace runtime

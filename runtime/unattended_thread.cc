#include "runtime/unattended_thread.h"

#include <pthread.h>

#include <csignal>
#include <thread>
#include <utility>

#include "runtime/check.h"

namespace runtime {

// A new thread has the mask of the one that starts it, so no signal finds it unmasked.
void run_unattended(const std::string& name, std::function<void()> body) {
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  CHECK(::pthread_sigmask(SIG_SETMASK, &all, &before) == 0);
  std::thread([thread_name = name.substr(0, 15), run = std::move(body)] {
    ::pthread_setname_np(::pthread_self(), thread_name.c_str());
    run();
  }).detach();
  CHECK(::pthread_sigmask(SIG_SETMASK, &before, nullptr) == 0);
}

}  // namespace runtime

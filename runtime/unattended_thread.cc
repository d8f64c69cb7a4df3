#include "runtime/unattended_thread.h"

#include <pthread.h>

#include <csignal>
#include <memory>
#include <utility>

#include "runtime/check.h"
#include "runtime/errors.h"

namespace runtime {

namespace {

struct Unattended {
  std::string name;
  std::function<void()> body;
};

// The signals that a thread brings on itself. One that is masked ends the process instead: a system
// call that the filter refuses, say, of which its handler makes an error.
constexpr int kOwnSignals[] = {SIGSYS, SIGSEGV, SIGBUS, SIGFPE, SIGILL};

void* run_and_free(void* given) {
  const std::unique_ptr<Unattended> thread(static_cast<Unattended*>(given));
  ::pthread_setname_np(::pthread_self(), thread->name.c_str());
  thread->body();
  return nullptr;
}

}  // namespace

// A new thread has the mask of the one that starts it, so no other signal finds it unmasked.
Result<void> run_unattended(const std::string& name, std::function<void()> body) {
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  for (const int signal : kOwnSignals) ::sigdelset(&all, signal);
  CHECK(::pthread_sigmask(SIG_SETMASK, &all, &before) == 0);
  auto given = std::make_unique<Unattended>(Unattended{name.substr(0, 15), std::move(body)});
  pthread_t thread;
  const int failed = ::pthread_create(&thread, nullptr, run_and_free, given.get());
  CHECK(::pthread_sigmask(SIG_SETMASK, &before, nullptr) == 0);
  if (failed != 0) return system_error(failed, "could not create thread \"" + name + "\"");
  static_cast<void>(given.release());  // the thread frees it
  CHECK(::pthread_detach(thread) == 0);
  return {};
}

}  // namespace runtime

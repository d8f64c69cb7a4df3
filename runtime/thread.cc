#include "runtime/thread.h"

#include <pthread.h>

#include <csignal>
#include <utility>

#include "memctx/context.h"
#include "memctx/current.h"
#include "runtime/check.h"

namespace runtime {

// A new thread has the mask of the one that starts it, so none of these signals finds it unmasked,
// whatever main does with them when it starts a thread.
std::thread start_thread(const std::string& name, std::function<void()> body) {
  sigset_t requests;
  sigset_t before;
  ::sigemptyset(&requests);
  for (const int signal : {SIGHUP, SIGINT, SIGTERM, SIGUSR1}) ::sigaddset(&requests, signal);
  CHECK(::pthread_sigmask(SIG_BLOCK, &requests, &before) == 0);
  std::thread thread([thread_name = name.substr(0, 15), run = std::move(body)] {
    ::pthread_setname_np(::pthread_self(), thread_name.c_str());
    run();
  });
  CHECK(::pthread_sigmask(SIG_SETMASK, &before, nullptr) == 0);
  return thread;
}

NamedThread::NamedThread(const std::string& name, Body body)
    : thread_(start_thread(name, [run = std::move(body)] {
        memctx::Context top("TopMemoryContext");
        const memctx::CurrentGuard guard(top);
        run(top);
      })) {}

}  // namespace runtime

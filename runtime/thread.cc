#include "runtime/thread.h"

#include <pthread.h>

#include <utility>

#include "memctx/context.h"
#include "memctx/current.h"

namespace runtime {

NamedThread::NamedThread(const std::string& name, Body body)
    : thread_([thread_name = name.substr(0, 15), run = std::move(body)] {
        ::pthread_setname_np(::pthread_self(), thread_name.c_str());
        memctx::Context top("TopMemoryContext");
        const memctx::CurrentGuard guard(top);
        run(top);
      }) {}

}  // namespace runtime

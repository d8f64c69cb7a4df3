#include "runtime/time_limit.h"

#include <unistd.h>

#include <chrono>
#include <utility>

#include "runtime/log.h"

namespace runtime {

namespace {

// For the line to come out: its reader may stand still.
constexpr Duration kLogGrace = std::chrono::seconds(1);

}  // namespace

TimeLimit::TimeLimit(Duration limit, std::string last_words)
    : thread_("timelimit", [this, limit, words = std::move(last_words)](memctx::Context&) {
        watch(limit, words);
      }) {}

TimeLimit::~TimeLimit() {
  const Lock lock(mutex_);
  over_ = true;
  over_changed_.notify_one();
}

void TimeLimit::watch(Duration limit, const std::string& last_words) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  {
    const Lock lock(mutex_);
    while (!over_) {
      if (!over_changed_.wait_until(mutex_, deadline)) break;
    }
    if (over_) return;
  }
  log::fatal("{}", last_words);
  log::drain(kLogGrace);
  ::_exit(1);
}

}  // namespace runtime

#include "runtime/slow_work.h"

#include <chrono>
#include <utility>

#include "runtime/log.h"

namespace runtime {

SlowWork::SlowWork(std::string what, Duration interval)
    : thread_("slowwork", [this, interval, text = std::move(what)](memctx::Context&) {
        watch(text, interval);
      }) {}

SlowWork::~SlowWork() {
  const Lock lock(mutex_);
  over_ = true;
  over_changed_.notify_one();
}

void SlowWork::watch(const std::string& what, Duration interval) {
  const auto begun = std::chrono::steady_clock::now();
  for (auto due = begun + interval;; due += interval) {
    {
      const Lock lock(mutex_);
      while (!over_) {
        if (!over_changed_.wait_until(mutex_, due)) break;
      }
      if (over_) return;
    }
    const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - begun;
    log::log("still {}, elapsed time: {:.2f} s", what, passed.count());
  }
}

}  // namespace runtime

#pragma once

#include <string>

#include "runtime/clock.h"
#include "runtime/mutex.h"
#include "runtime/thread.h"

namespace runtime {

// Work that is quick as a rule: if it lasts longer than `interval`, the log says so, and again
// after each further one, as PostgreSQL's log_startup_progress_interval has it:
//   still looking for the end of WAL, elapsed time: 10.00 s
//   Owner: the function that works.  Thread: its.
class SlowWork {
 public:
  static constexpr Duration kInterval = std::chrono::seconds(10);

  // `what` is the work, in the progressive form.
  explicit SlowWork(std::string what, Duration interval = kInterval);
  ~SlowWork();
  SlowWork(const SlowWork&) = delete;
  SlowWork& operator=(const SlowWork&) = delete;

 private:
  void watch(const std::string& what, Duration interval);

  Mutex mutex_;
  Condition over_changed_;
  bool over_ GUARDED_BY(mutex_) = false;
  NamedThread thread_;  // last: it uses the others
};

}  // namespace runtime

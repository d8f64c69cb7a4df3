#pragma once

#include <string>

#include "runtime/clock.h"
#include "runtime/mutex.h"
#include "runtime/thread.h"

namespace runtime {

// Ends the process with status 1 and a FATAL line if it lives longer than `limit`. For what must
// come to an end and may hang in the kernel, where nothing else ends it.
//   Owner: any.  Thread: the owner's.
class TimeLimit {
 public:
  // `last_words` are the line.
  TimeLimit(Duration limit, std::string last_words);
  ~TimeLimit();
  TimeLimit(const TimeLimit&) = delete;
  TimeLimit& operator=(const TimeLimit&) = delete;

 private:
  void watch(Duration limit, const std::string& last_words);

  Mutex mutex_;
  Condition over_changed_;
  bool over_ GUARDED_BY(mutex_) = false;
  NamedThread thread_;  // last: it uses the others
};

}  // namespace runtime

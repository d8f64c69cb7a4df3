#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/annotations.h"
#include "runtime/clock.h"
#include "runtime/mutex.h"

namespace runtime {

// A line of the log, as a window shows it.
struct RecentLine {
  std::uint64_t number = 0;  // 1 for the first since the start
  WallMicros time = 0;
  std::string level;  // "LOG", "WARNING", "DETAIL", ...
  std::string text;   // of one line or more
};

// The last lines that were logged.
//   Owner: the log.  Thread: any.
//   Limits: kLinesMax lines of kTextBytesMax each; what is longer is cut.
class RecentLines {
 public:
  static constexpr std::size_t kLinesMax = 200;
  static constexpr std::size_t kTextBytesMax = 2048;

  void add(WallMicros time, std::string_view level, std::string_view text) EXCLUDES(mutex_) {
    RecentLine line{.time = time,
                    .level = std::string(level),
                    .text = std::string(text.substr(0, kTextBytesMax))};
    const Lock lock(mutex_);
    line.number = ++count_;
    lines_.push_back(std::move(line));
    if (lines_.size() > kLinesMax) lines_.pop_front();
  }
  // The oldest first.
  std::vector<RecentLine> list() const EXCLUDES(mutex_) {
    const Lock lock(mutex_);
    return {lines_.begin(), lines_.end()};
  }

 private:
  mutable Mutex mutex_;
  std::deque<RecentLine> lines_ GUARDED_BY(mutex_);
  std::uint64_t count_ GUARDED_BY(mutex_) = 0;
};

}  // namespace runtime

#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "bench/walbench/histogram.h"
#include "bench/walbench/stamps.h"
#include "runtime/published.h"

namespace bench::walbench {

// Windows of time, one behind the other and of one length, numbered from the begin of what is
// measured on, so that none of them is partly of something else.
//   Owner: the one that plans a run.  Thread: begin_at() once, before anything is due; number() in
//   any.
class Windows {
 public:
  // REQUIRES: length > 0.
  explicit Windows(WallNanos length);

  // Where number 0 begins: the Unix epoch, if it is not said.
  void begin_at(WallNanos begin) { begin_.store(begin); }
  std::int64_t number(WallNanos time) const;

 private:
  const WallNanos length_;
  runtime::Published<WallNanos> begin_{0};
};

// Delays in all, and by windows of time: those of a window were due in it. A delay counts in the
// window of its begin, so that one long wait does not hide how many commits it has made late.
//   Owner: the object that measures.  Thread: the owner's.
//   Limits: a Histogram for each window in which something was due.
struct DelaySeries {
  Histogram all_us;
  std::map<std::int64_t, Histogram> windows_us;

  void add(std::int64_t window, std::uint64_t micros);
  void add(const DelaySeries& other);
};

// When the commits of a run arrived at one worker's standbys: by class of standby and window, and
// for each standby. What it costs grows with classes, windows and standbys, not with commits.
//   Owner: Worker.  Thread: the owner's; others once its loop has ended.
//   Borrows: the windows.
//   Limits: a DelaySeries for each class, a SmallHistogram for each standby.
class Arrivals {
 public:
  Arrivals(std::size_t classes, std::size_t standbys, const Windows& windows);

  // The commit that was due at `due` has arrived at a standby, one of this worker's, at `at`.
  // REQUIRES: class_index < classes, standby < standbys.
  void add(std::size_t class_index, std::size_t standby, WallNanos due, WallNanos at);
  // The measurement is over: what comes now came because the fleet leaves, and is not counted.
  void close() { is_closed_ = true; }

  // How many have arrived, by the window of their arrival.
  const std::map<std::int64_t, std::uint64_t>& by_window() const { return by_window_; }
  const std::vector<DelaySeries>& classes() const { return classes_; }
  const std::vector<SmallHistogram>& standbys_us() const { return standbys_us_; }
  // What has arrived since the last call.
  Histogram take_recent_us() { return std::exchange(recent_us_, Histogram()); }

 private:
  const Windows& windows_;
  bool is_closed_ = false;
  std::map<std::int64_t, std::uint64_t> by_window_;
  std::vector<DelaySeries> classes_;
  std::vector<SmallHistogram> standbys_us_;
  Histogram recent_us_;
};

}  // namespace bench::walbench

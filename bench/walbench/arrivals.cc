#include "bench/walbench/arrivals.h"

#include "runtime/check.h"

namespace bench::walbench {

void DelaySeries::add(std::int64_t window, std::uint64_t micros) {
  all_us.add(micros);
  windows_us[window].add(micros);
}

void DelaySeries::add(const DelaySeries& other) {
  all_us.add(other.all_us);
  for (const auto& [window, micros] : other.windows_us) windows_us[window].add(micros);
}

Windows::Windows(WallNanos length) : length_(length) { CHECK(length > 0); }

std::int64_t Windows::number(WallNanos time) const {
  const WallNanos since = time - begin_.load();
  return since / length_ - (since % length_ < 0 ? 1 : 0);
}

Arrivals::Arrivals(std::size_t classes, std::size_t standbys, const Windows& windows)
    : windows_(windows), classes_(classes), standbys_us_(standbys) {}

void Arrivals::add(std::size_t class_index, std::size_t standby, WallNanos due, WallNanos at) {
  if (is_closed_) return;
  const std::uint64_t micros = micros_between(due, at);
  ++by_window_[windows_.number(at)];
  classes_[class_index].add(windows_.number(due), micros);
  standbys_us_[standby].add(micros);
  recent_us_.add(micros);
}

}  // namespace bench::walbench

#include "bench/walbench/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace bench::walbench {

void Histogram::add(std::uint64_t value) {
  ++counts_[bucket_of(value)];
  ++count_;
  min_ = std::min(min_, value);
  max_ = std::max(max_, value);
}

void Histogram::add(const Histogram& other) {
  for (std::size_t i = 0; i < kBuckets; ++i) counts_[i] += other.counts_[i];
  count_ += other.count_;
  min_ = std::min(min_, other.min_);
  max_ = std::max(max_, other.max_);
}

std::uint64_t Histogram::percentile(double fraction) const {
  const auto rank = static_cast<std::uint64_t>(std::ceil(fraction * static_cast<double>(count_)));
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < kBuckets; ++i) {
    seen += counts_[i];
    if (counts_[i] != 0 && seen >= rank) return std::min(last_of(i), max_);
  }
  return max_;
}

// Values below 64 have a bucket each; above, 64 buckets share each power of two.
std::size_t Histogram::bucket_of(std::uint64_t value) {
  if (value < kSubCount) return value;
  const auto shift = static_cast<std::size_t>(std::bit_width(value)) - kSubBits - 1;
  return shift * kSubCount + (value >> shift);
}

std::uint64_t Histogram::last_of(std::size_t bucket) {
  if (bucket < 2 * kSubCount) return bucket;
  const std::size_t shift = bucket / kSubCount - 1;
  const std::uint64_t first = std::uint64_t{kSubCount + bucket % kSubCount} << shift;
  return first + ((std::uint64_t{1} << shift) - 1);
}

}  // namespace bench::walbench

#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>

namespace runtime {

// Counts values in buckets whose width grows with the value, so that any percentile is right to
// within one part in 2^kSubBits, as HdrHistogram does it. Adding a value allocates nothing. Values
// of kValueBits bits and more share the last bucket; sum and maximum are right for them too.
//   Owner: the object that measures.  Thread: one. A copy is a plain value for another thread.
//   Limits: as many values in one bucket as a Count holds; a sum of 2^64 - 1.
template <typename Count, unsigned kSubBits, unsigned kValueBits>
class BasicHistogram {
 public:
  void add(std::uint64_t value) {
    ++counts_[bucket_of(value)];
    ++count_;
    sum_ += value;
    min_ = std::min(min_, value);
    max_ = std::max(max_, value);
  }
  // As if the other's values had been added here.
  template <typename OtherCount>
  void add(const BasicHistogram<OtherCount, kSubBits, kValueBits>& other) {
    if (other.count_ == 0) return;
    for (std::size_t i = 0; i < kBuckets; ++i) counts_[i] += other.counts_[i];
    count_ += other.count_;
    sum_ += other.sum_;
    min_ = std::min(min_, other.min_);
    max_ = std::max(max_, other.max_);
  }

  std::uint64_t count() const { return count_; }
  std::uint64_t sum() const { return sum_; }
  // 0 without values, as all that follow.
  double mean() const {
    return count_ == 0 ? 0 : static_cast<double>(sum_) / static_cast<double>(count_);
  }
  std::uint64_t min() const { return count_ == 0 ? 0 : min_; }
  std::uint64_t max() const { return max_; }
  // The smallest value that `fraction` of all values do not exceed, rounded up to its bucket's end
  // but never above max(). `fraction` is from 0 to 1.
  std::uint64_t percentile(double fraction) const {
    const auto rank = static_cast<std::uint64_t>(std::ceil(fraction * static_cast<double>(count_)));
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i + 1 < kBuckets; ++i) {
      seen += counts_[i];
      if (counts_[i] != 0 && seen >= rank) return std::min(last_of(i), max_);
    }
    return max_;
  }

  // How many values are at most 2^power - 1. Exact for powers up to kValueBits.
  std::uint64_t count_below_power(unsigned power) const {
    const std::size_t end =
        power <= kSubBits ? std::size_t{1} << power : (power - kSubBits + 1) * kSubCount;
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < std::min(end, kBuckets); ++i) seen += counts_[i];
    return seen;
  }

 private:
  template <typename OtherCount, unsigned kOtherSubBits, unsigned kOtherValueBits>
  friend class BasicHistogram;

  static_assert(kSubBits < kValueBits && kValueBits <= 64);
  static constexpr std::size_t kSubCount = std::size_t{1} << kSubBits;
  static constexpr std::size_t kBuckets = (kValueBits - kSubBits + 1) * kSubCount;
  static constexpr std::uint64_t kCountedApart = ~std::uint64_t{0} >> (64 - kValueBits);

  // Values below kSubCount have a bucket each; above, kSubCount buckets share each power of two.
  static std::size_t bucket_of(std::uint64_t value) {
    if (value < kSubCount) return value;
    value = std::min(value, kCountedApart);
    const auto shift = static_cast<std::size_t>(std::bit_width(value)) - kSubBits - 1;
    return shift * kSubCount + static_cast<std::size_t>(value >> shift);
  }
  static std::uint64_t last_of(std::size_t bucket) {
    if (bucket < 2 * kSubCount) return bucket;
    const std::size_t shift = bucket / kSubCount - 1;
    const std::uint64_t first = std::uint64_t{kSubCount + bucket % kSubCount} << shift;
    return first + ((std::uint64_t{1} << shift) - 1);
  }

  std::array<Count, kBuckets> counts_{};
  std::uint64_t count_ = 0;
  std::uint64_t sum_ = 0;
  std::uint64_t min_ = ~std::uint64_t{0};
  std::uint64_t max_ = 0;
};

}  // namespace runtime

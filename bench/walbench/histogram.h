#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace bench::walbench {

// Counts values in buckets whose width grows with the value, so that any percentile is right to
// within one part in 64. Adding a value allocates nothing.
//   Owner: the object that measures; a value of 30 kB.  Thread: one.
class Histogram {
 public:
  void add(std::uint64_t value);
  void add(const Histogram& other);

  std::uint64_t count() const { return count_; }
  // 0 without values.
  std::uint64_t min() const { return count_ == 0 ? 0 : min_; }
  std::uint64_t max() const { return max_; }
  // The smallest value that `fraction` of all values do not exceed, rounded up to its bucket's end
  // but never above max(). 0 without values.
  std::uint64_t percentile(double fraction) const;

 private:
  static constexpr std::size_t kSubBits = 6;
  static constexpr std::size_t kSubCount = std::size_t{1} << kSubBits;
  static constexpr std::size_t kBuckets = (64 - kSubBits + 1) * kSubCount;

  static std::size_t bucket_of(std::uint64_t value);
  static std::uint64_t last_of(std::size_t bucket);

  std::array<std::uint64_t, kBuckets> counts_{};
  std::uint64_t count_ = 0;
  std::uint64_t min_ = ~std::uint64_t{0};
  std::uint64_t max_ = 0;
};

}  // namespace bench::walbench

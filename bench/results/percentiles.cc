#include "bench/results/percentiles.h"

#include <cmath>

namespace bench::results {

namespace {

constexpr double kStep = 0.05;  // nines
constexpr double kNinesMax = 5;

constexpr double kRounding = 1e-6;  // of 1 - fraction, by the largest count of which that matters

}  // namespace

bool is_told(std::uint64_t count, double fraction) {
  return static_cast<double>(count) * (1 - fraction) >= 1 - kRounding;
}

std::optional<double> percentile_of(const walbench::Histogram& micros, double fraction) {
  if (!is_told(micros.count(), fraction)) return std::nullopt;
  return static_cast<double>(micros.percentile(fraction));
}

Percentiles percentiles_of(const walbench::Histogram& micros) {
  return {.count = micros.count(),
          .p50_us = percentile_of(micros, 0.5),
          .p90_us = percentile_of(micros, 0.9),
          .p99_us = percentile_of(micros, 0.99),
          .p999_us = percentile_of(micros, 0.999),
          .p9999_us = percentile_of(micros, 0.9999),
          .max_us = static_cast<double>(micros.max())};
}

std::vector<CurvePoint> curve_of(const walbench::Histogram& micros) {
  std::vector<CurvePoint> curve;
  for (double nines = 0; nines <= kNinesMax; nines += kStep) {
    const double fraction = 1 - std::pow(10, -nines);
    const auto us = percentile_of(micros, fraction);
    if (!us.has_value()) break;
    curve.push_back({fraction, *us});
  }
  return curve;
}

}  // namespace bench::results

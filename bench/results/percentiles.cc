#include "bench/results/percentiles.h"

#include <cmath>

namespace bench::results {

namespace {

constexpr double kStep = 0.05;  // nines
constexpr double kNinesMax = 5;

double at(const walbench::Histogram& micros, double fraction) {
  return static_cast<double>(micros.percentile(fraction));
}

}  // namespace

Percentiles percentiles_of(const walbench::Histogram& micros) {
  return {.count = micros.count(),
          .p50_us = at(micros, 0.5),
          .p90_us = at(micros, 0.9),
          .p99_us = at(micros, 0.99),
          .p999_us = at(micros, 0.999),
          .p9999_us = at(micros, 0.9999),
          .max_us = static_cast<double>(micros.max())};
}

std::vector<CurvePoint> curve_of(const walbench::Histogram& micros) {
  std::vector<CurvePoint> curve;
  const auto count = static_cast<double>(micros.count());
  for (double nines = 0; nines <= kNinesMax; nines += kStep) {
    const double fraction = 1 - std::pow(10, -nines);
    if (count * (1 - fraction) < 1) break;  // less than one delay is longer
    curve.push_back({fraction, at(micros, fraction)});
  }
  return curve;
}

}  // namespace bench::results

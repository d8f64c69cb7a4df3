#include "bench/results/student.h"

#include <algorithm>
#include <cmath>

#include "runtime/check.h"

namespace bench::results {

namespace {

constexpr std::size_t kBatchesMax = 10;
constexpr std::size_t kBatchLengthMin = 3;
constexpr double kInflationMax = 5;
constexpr double kFreedomMax = 1e6;  // as good as a normal distribution

// The regularised incomplete beta function I_x(a, b) by its continued fraction (Lentz's method),
// which converges fast for x < (a + 1) / (a + b + 2).
double beta_fraction(double x, double a, double b) {
  constexpr double kTiny = 1e-300;
  constexpr int kSteps = 300;
  double c = 1;
  double d = 1 / std::max(1 - (a + b) * x / (a + 1), kTiny);
  double value = d;
  for (int step = 1; step <= kSteps; ++step) {
    const double m = step;
    for (const double numerator : {m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
                                   -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))}) {
      d = 1 + numerator * d;
      c = 1 + numerator / c;
      d = 1 / (std::abs(d) < kTiny ? kTiny : d);
      if (std::abs(c) < kTiny) c = kTiny;
      value *= d * c;
    }
    if (std::abs(d * c - 1) < 1e-12) break;
  }
  return value;
}

double incomplete_beta(double x, double a, double b) {
  if (x <= 0 || x >= 1) return x <= 0 ? 0 : 1;
  const double front = std::exp(std::lgamma(a + b) - std::lgamma(a) - std::lgamma(b) +
                                a * std::log(x) + b * std::log1p(-x));
  if (x < (a + 1) / (a + b + 2)) return front * beta_fraction(x, a, b) / a;
  return 1 - front * beta_fraction(1 - x, b, a) / b;
}

// How likely |t| is to be larger.
double both_tails(double t, double freedom) {
  return incomplete_beta(freedom / (freedom + t * t), freedom / 2, 0.5);
}

// How much the variance of a mean is underrated if each value is like the one before it.
double inflation_of(const std::vector<double>& values, double mean) {
  double square = 0;
  double product = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    square += (values[i] - mean) * (values[i] - mean);
    if (i > 0) product += (values[i] - mean) * (values[i - 1] - mean);
  }
  if (square <= 0 || product <= 0) return 1;
  const double likeness = std::min(product / square, 0.9);
  return std::min((1 + likeness) / (1 - likeness), kInflationMax);
}

}  // namespace

double student_quantile(double probability, double freedom) {
  CHECK(probability > 0 && probability < 1);
  const double nu = std::clamp(freedom, 1.0, kFreedomMax);
  double low = 0;
  double high = 1;
  while (both_tails(high, nu) > probability) high *= 2;
  for (int step = 0; step < 100; ++step) {
    const double middle = (low + high) / 2;
    (both_tails(middle, nu) > probability ? low : high) = middle;
  }
  return high;
}

double median(std::vector<double> values) {
  CHECK(!values.empty());
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

double deviation(const std::vector<double>& values) {
  if (values.size() < 2) return 0;
  return std::sqrt(estimate_of(values).variance * static_cast<double>(values.size()));
}

Estimate estimate_of(const std::vector<double>& values) {
  CHECK(values.size() >= 2);
  const auto count = static_cast<double>(values.size());
  double sum = 0;
  for (const double value : values) sum += value;
  const double mean = sum / count;
  double square = 0;
  for (const double value : values) square += (value - mean) * (value - mean);
  return {.mean = mean, .variance = square / (count - 1) / count, .freedom = count - 1};
}

Estimate estimate_of_series(const std::vector<double>& series) {
  CHECK(!series.empty());
  if (series.size() < 2) return {.mean = series.front()};
  const std::size_t batches = std::clamp(series.size() / kBatchLengthMin,
                                         std::min<std::size_t>(series.size(), 4), kBatchesMax);
  std::vector<double> medians;
  for (std::size_t i = 0; i < batches; ++i) {
    const auto at = [&](std::size_t batch) {
      return series.begin() + static_cast<std::ptrdiff_t>(batch * series.size() / batches);
    };
    medians.push_back(median({at(i), at(i + 1)}));
  }
  Estimate estimate = estimate_of(medians);
  estimate.variance *= inflation_of(medians, estimate.mean);
  estimate.mean = median(series);
  return estimate;
}

Difference difference(const Estimate& from, const Estimate& to, double probability) {
  const double variance = from.variance + to.variance;
  // Welch and Satterthwaite's degrees of freedom.
  const double shares =
      from.variance * from.variance / from.freedom + to.variance * to.variance / to.freedom;
  const double freedom = shares > 0 ? variance * variance / shares : kFreedomMax;
  return {.mean = to.mean - from.mean,
          .half_width = student_quantile(probability, freedom) * std::sqrt(variance)};
}

}  // namespace bench::results

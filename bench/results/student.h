#pragma once

#include <cstddef>
#include <vector>

namespace bench::results {

// The value that a Student's t of so many degrees of freedom exceeds, to either side, with this
// probability. REQUIRES: 0 < probability < 1, freedom >= 1.
double student_quantile(double probability, double freedom);

// The middle value, or the mean of the two in the middle. REQUIRES: values is not empty.
double median(std::vector<double> values);

// An estimate of a mean, and how sure it is.
struct Estimate {
  double mean = 0;
  double variance = 0;  // of the mean, not of the values
  double freedom = 1;   // by which the variance is known
};

// The standard deviation of the values themselves; 0 of a single one.
double deviation(const std::vector<double>& values);

// Of values that do not depend on each other. REQUIRES: at least two.
Estimate estimate_of(const std::vector<double>& values);

// The middle of a series of values each of which may be like the ones before it, as those of one
// run's seconds are. The series is cut into batches longer than that likeness, whose medians are
// taken for independent; what is left of their likeness makes the variance larger.
// REQUIRES: the series is not empty.
Estimate estimate_of_series(const std::vector<double>& series);

// From one mean to another: the difference, and the half of the interval that has it with
// 1 - probability (Welch).
struct Difference {
  double mean = 0;
  double half_width = 0;
};
Difference difference(const Estimate& from, const Estimate& to, double probability);

}  // namespace bench::results

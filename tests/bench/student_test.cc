#include "bench/results/student.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

namespace bench::results {
namespace {

// From any table of Student's t, two-sided.
TEST(StudentTest, QuantilesAreThoseOfTheTables) {
  EXPECT_NEAR(student_quantile(0.05, 1), 12.706, 1e-3);
  EXPECT_NEAR(student_quantile(0.05, 2), 4.303, 1e-3);
  EXPECT_NEAR(student_quantile(0.05, 4), 2.776, 1e-3);
  EXPECT_NEAR(student_quantile(0.01, 9), 3.250, 1e-3);
  EXPECT_NEAR(student_quantile(0.05, 30), 2.042, 1e-3);
  EXPECT_NEAR(student_quantile(0.05, 1e9), 1.960, 1e-3);
  EXPECT_NEAR(student_quantile(0.001, 5), 6.869, 1e-3);
}

TEST(StudentTest, TheMedianOfAnEvenNumberIsBetweenTheMiddleOnes) {
  EXPECT_EQ(median({3, 1, 2}), 2);
  EXPECT_EQ(median({4, 1, 3, 2}), 2.5);
}

TEST(StudentTest, AMeanIsAsSureAsItsValuesAgree) {
  const Estimate estimate = estimate_of({1, 2, 3, 4});
  EXPECT_EQ(estimate.mean, 2.5);
  EXPECT_NEAR(estimate.variance, 5.0 / 3 / 4, 1e-12);
  EXPECT_EQ(estimate.freedom, 3);
}

TEST(StudentTest, ADifferenceOfTwoIsWelchs) {
  const Estimate one{.mean = 1, .variance = 0.5, .freedom = 3};
  const Estimate other{.mean = 3, .variance = 0.5, .freedom = 3};
  const Difference found = difference(one, other, 0.05);
  EXPECT_EQ(found.mean, 2);
  EXPECT_NEAR(found.half_width, student_quantile(0.05, 6), 1e-9);
}

// If each value is like the one before it, ten seconds tell as little as a few that are not.
TEST(StudentTest, ValuesThatAreAlikeInARowTellLess) {
  std::mt19937 random(7);
  std::normal_distribution<double> noise(0, 1);
  double alike_sum = 0;
  double apart_sum = 0;
  for (int series = 0; series < 50; ++series) {
    std::vector<double> alike{0};
    std::vector<double> apart{0};
    for (int i = 0; i < 60; ++i) {
      alike.push_back(0.9 * alike.back() + std::sqrt(1 - 0.81) * noise(random));
      apart.push_back(noise(random));
    }
    alike_sum += estimate_of_series(alike).variance;
    apart_sum += estimate_of_series(apart).variance;
  }
  EXPECT_GT(alike_sum, 5 * apart_sum);
}

TEST(StudentTest, OneValueIsItsOwnMiddle) {
  EXPECT_EQ(estimate_of_series({7}).mean, 7);
  EXPECT_EQ(estimate_of_series({7, 9}).mean, 8);
}

}  // namespace
}  // namespace bench::results

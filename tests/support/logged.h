#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <string>

namespace tests {

// What the log says while `body` runs.
template <typename Body>
std::string logged(Body body) {
  testing::internal::CaptureStderr();
  body();
  return testing::internal::GetCapturedStderr();
}

inline std::size_t count_of(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

}  // namespace tests

#pragma once

// What fuzzing begins with, apart from what was taken from real programs: one input of each kind
// that a fuzzer should know, made here so that it can be made again when its format changes.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace tests {

struct Seed {
  std::string_view fuzzer;
  std::string name;
  std::vector<std::byte> bytes;
};

std::vector<Seed> all_seeds();

}  // namespace tests

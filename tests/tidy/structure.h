#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "tests/tidy/source_tree.h"

namespace tests {

// How the tree is cut. Each but the median returns one line per breach, which begins with the path
// or the class.

// Classes of memctx, runtime and server whose member functions are defined in two source files.
std::vector<std::string> split_classes(const std::vector<SourceFile>& tree);
// Circles of includes among the files of one folder, a header and its source being one.
std::vector<std::string> include_circles(const std::vector<SourceFile>& tree);
// Functions of memctx, runtime and server of more than 60 lines.
std::vector<std::string> long_functions(const std::vector<SourceFile>& tree);
// The length that half of these functions do not exceed.
std::size_t median_function_lines(const std::vector<SourceFile>& tree);
// More than 14 headers and sources in server/ itself.
std::vector<std::string> crowded_folders(const std::vector<SourceFile>& tree);

}  // namespace tests

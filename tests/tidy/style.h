#pragma once

#include <string>
#include <vector>

#include "tests/tidy/source_tree.h"

namespace tests {

// Each returns one line per breach, which begins with the path.

// A source of more than 400 lines, or a line of more than 100 columns.
std::vector<std::string> size_breaches(const SourceFile& file);
// A word that has no place in this file's code or comments.
std::vector<std::string> word_breaches(const SourceFile& file);
// A phrase in a comment that leaves unnamed what it speaks of: a pronoun without a noun.
std::vector<std::string> vague_phrases(const SourceFile& file);
// Sources that no CMakeLists.txt names, and headers of tests that nothing includes.
std::vector<std::string> dead_files(const std::vector<SourceFile>& tree);
// A README that is missing, or of more than 60 lines.
std::vector<std::string> readme_breaches(const std::string& path, const std::string& text);

}  // namespace tests

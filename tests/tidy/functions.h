#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "tests/tidy/source_tree.h"

namespace tests {

// A function that a file defines, at namespace scope or inside a class.
struct Function {
  std::string head;       // up to its '{', without what stands in quotes
  std::size_t line = 0;   // of its head's begin, from 1
  std::size_t lines = 0;  // from there to its '}'
};

// By the braces, and by how clang-format writes them: "f() {", but "member_{1}". Lambdas belong to
// what they stand in. Functions without a body of their own are left out.
std::vector<Function> functions_of(const SourceFile& file);

// The class of a member that is defined outside of it: "Session" for "void Session::Part::f()".
// Empty for any other function.
std::string class_of(const Function& function);

}  // namespace tests

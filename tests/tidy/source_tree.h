#pragma once

// The project's own source, as data for rules.

#include <string>
#include <string_view>
#include <vector>

namespace tests {

struct SourceFile {
  std::string path;  // from the root of the tree
  std::string text;
};

// Every .h, .cc and CMakeLists.txt of memctx, runtime, server, bench and tests, by path.
std::vector<SourceFile> read_source_tree();
// The text of any one file; empty if there is none.
std::string read_source(const std::string& path);

// The top folders that have code.
const std::vector<std::string>& top_folders();

std::string_view folder_of(std::string_view path);
std::string_view name_of(std::string_view path);

// The code without its comments and without what stands between quotes. Lines stay where they are.
std::string code_only(std::string_view text);
// The reverse: nothing but the comments.
std::string comments_only(std::string_view text);

// What #include lines name, with their quotes or brackets: "\"runtime/fd.h\"", "<vector>".
std::vector<std::string> includes_of(std::string_view text);

}  // namespace tests

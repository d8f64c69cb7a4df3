#include "tests/tidy/source_tree.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

#include "runtime/check.h"

namespace tests {

namespace {

const std::filesystem::path& root() {
  static const std::filesystem::path path = WALCAST_SOURCE_DIR;
  return path;
}

bool is_source(const std::filesystem::path& path) {
  return path.extension() == ".h" || path.extension() == ".cc" ||
         path.filename() == "CMakeLists.txt";
}

// Tells code, comments and quoted text apart, character by character.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  enum class Kind { kCode, kComment, kQuoted };

  // Calls visit(character, kind) for each, in order.
  template <typename Visit>
  void run(Visit visit) {
    while (at_ < text_.size()) {
      if (starts("//")) {
        take(Kind::kComment, text_.find('\n', at_), visit);
      } else if (starts("/*")) {
        take(Kind::kComment, end_after("*/", at_ + 2), visit);
      } else if (starts("R\"(")) {
        take(Kind::kQuoted, end_after(")\"", at_ + 3), visit);
      } else if (text_[at_] == '"' || (text_[at_] == '\'' && !in_number())) {
        take(Kind::kQuoted, end_of_quote(), visit);
      } else {
        take(Kind::kCode, at_ + 1, visit);
      }
    }
  }

 private:
  bool starts(std::string_view with) const { return text_.substr(at_).starts_with(with); }
  // 1'000'000 has no characters in quotes.
  bool in_number() const {
    return at_ > 0 && std::isxdigit(static_cast<unsigned char>(text_[at_ - 1])) != 0;
  }
  std::size_t end_after(std::string_view closing, std::size_t from) const {
    const auto found = text_.find(closing, from);
    return found == std::string_view::npos ? found : found + closing.size();
  }
  std::size_t end_of_quote() const {
    std::size_t end = at_ + 1;
    while (end < text_.size() && text_[end] != text_[at_]) end += text_[end] == '\\' ? 2 : 1;
    return end + 1;
  }
  template <typename Visit>
  void take(Kind kind, std::size_t end, Visit& visit) {
    for (end = std::min(end, text_.size()); at_ < end; ++at_) visit(text_[at_], kind);
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

// The characters of one kind; of the others only the ends of lines.
std::string only(std::string_view text, Scanner::Kind wanted) {
  std::string kept;
  Scanner(text).run([&](char c, Scanner::Kind kind) {
    if (kind == wanted || c == '\n') kept += c;
  });
  return kept;
}

}  // namespace

std::string read_source(const std::string& path) {
  std::ifstream file(root() / path);
  return {std::istreambuf_iterator<char>(file), {}};
}

const std::vector<std::string>& top_folders() {
  static const std::vector<std::string> folders{"bench", "memctx", "runtime", "server", "tests"};
  return folders;
}

std::vector<SourceFile> read_source_tree() {
  std::vector<SourceFile> files;
  for (const std::string& folder : top_folders()) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root() / folder)) {
      if (!is_source(entry.path())) continue;
      const std::string path = std::filesystem::relative(entry.path(), root()).string();
      files.push_back({path, read_source(path)});
    }
  }
  CHECK(files.size() > 100);  // or this is not the tree
  std::sort(files.begin(), files.end(),
            [](const SourceFile& a, const SourceFile& b) { return a.path < b.path; });
  return files;
}

std::string_view folder_of(std::string_view path) {
  const auto slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
}

std::string_view name_of(std::string_view path) { return path.substr(path.rfind('/') + 1); }

std::string code_only(std::string_view text) { return only(text, Scanner::Kind::kCode); }
std::string comments_only(std::string_view text) { return only(text, Scanner::Kind::kComment); }

std::vector<std::string> includes_of(std::string_view text) {
  constexpr std::string_view kInclude = "#include ";
  std::vector<std::string> names;
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with(kInclude)) continue;
    const auto begin = kInclude.size();
    const auto end = line.find_first_of(">\"", begin + 1);
    names.push_back(line.substr(begin, end == std::string::npos ? end : end + 1 - begin));
  }
  return names;
}

}  // namespace tests

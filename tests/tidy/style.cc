#include "tests/tidy/style.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <iterator>
#include <regex>
#include <set>
#include <sstream>
#include <string_view>

namespace tests {

namespace {

constexpr std::size_t kSourceLinesMax = 400;
constexpr std::size_t kColumnsMax = 100;
constexpr std::size_t kReadmeLinesMax = 60;

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  std::istringstream stream{std::string(text)};
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

bool is_cmake(const SourceFile& file) { return name_of(file.path) == "CMakeLists.txt"; }

// In UTF-8 every byte but those of the form 10xxxxxx begins a character.
std::size_t columns_of(const std::string& line) {
  return static_cast<std::size_t>(
      std::count_if(line.begin(), line.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

std::string at_line(const SourceFile& file, std::size_t index) {
  return file.path + ":" + std::to_string(index + 1);
}

// A word in code, and where it may stand: under these paths, or in files that include `beside`.
struct BannedWord {
  std::string_view word;  // whole, unless it ends in what no identifier has
  std::array<std::string_view, 3> allowed = {};
  std::string_view beside = {};
};

constexpr BannedWord kBannedWords[]{
    {.word = "throw", .beside = "<CLI/CLI.hpp>"},
    {.word = "std::mutex", .allowed = {"runtime/mutex.h"}},
    {.word = "std::shared_mutex"},
    {.word = "std::recursive_mutex"},
    {.word = "std::lock_guard"},
    {.word = "std::unique_lock"},
    {.word = "std::scoped_lock"},
    {.word = "std::condition_variable"},
    {.word = "std::condition_variable_any", .allowed = {"runtime/mutex.h"}},
    {.word = "std::atomic", .allowed = {"runtime/", "tests/"}},
    {.word = "std::atomic_ref", .allowed = {"runtime/", "tests/"}},
    {.word = "EINTR", .allowed = {"runtime/", "bench/", "tests/"}},
    {.word = "retry_on_signal", .allowed = {"runtime/", "bench/", "tests/"}},
    {.word = "steady_clock", .allowed = {"runtime/", "bench/", "tests/"}},
    {.word = "system_clock", .allowed = {"runtime/", "bench/", "tests/"}},
    {.word = "sleep("},
    {.word = "usleep("},
    {.word = "nanosleep("},
    {.word = "sleep_for"},
    {.word = "sleep_until"},
};

// Phrases that leave open what a comment speaks of, as parts of one expression. A space stands for
// the end of a line too.
constexpr std::string_view kVaguePhrases[]{
    "[Ss]omebody",         "[Ss]omeone",       "[Nn]obody",
    "[Aa]nybody",          "[Ee]verybody",     "Who",
    "[Ww]hat is told",     "[Ww]hat was told", "[Ww]hat it is told",
    "[Ww]hat it was told", "[Ww]ho is told",   "[Ww]ho was told",
};

constexpr std::string_view kTodo = "TODO";
constexpr std::string_view kTodoKinds[]{"(perf): ", "(cleanup): ", "(port): ", "(test): "};

bool continues_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

// Where `word` begins in `text`, as a word of its own, from `from` on.
std::size_t find_word(std::string_view text, std::string_view word, std::size_t from) {
  for (auto at = text.find(word, from); at != std::string_view::npos;
       at = text.find(word, at + 1)) {
    const std::size_t end = at + word.size();
    const bool begins = at == 0 || !continues_word(text[at - 1]);
    const bool ends =
        end == text.size() || !continues_word(text[end]) || !continues_word(word.back());
    if (begins && ends) return at;
  }
  return std::string_view::npos;
}

bool may_have(const SourceFile& file, const BannedWord& word) {
  if (!word.beside.empty()) {
    const auto includes = includes_of(file.text);
    if (std::find(includes.begin(), includes.end(), word.beside) != includes.end()) return true;
  }
  return std::any_of(word.allowed.begin(), word.allowed.end(), [&](std::string_view place) {
    return !place.empty() && file.path.starts_with(place);
  });
}

// Most files have none of the words anywhere, and need not be taken apart.
bool is_suspicious(std::string_view text) {
  return text.find(kTodo) != text.npos ||
         std::any_of(std::begin(kBannedWords), std::end(kBannedWords),
                     [&](const BannedWord& b) { return text.find(b.word) != text.npos; });
}

bool is_bare_todo(std::string_view comment, std::size_t at) {
  const std::string_view rest = comment.substr(at + kTodo.size());
  return std::none_of(std::begin(kTodoKinds), std::end(kTodoKinds),
                      [&](std::string_view kind) { return rest.starts_with(kind); });
}

// One expression for all phrases, each as words of their own.
const std::regex& vague_phrase() {
  static const std::regex expression = [] {
    std::string any;
    for (const std::string_view phrase : kVaguePhrases) {
      any += (any.empty() ? "" : "|") + std::string(phrase);
    }
    return std::regex("\\b(" + std::regex_replace(any, std::regex(" "), "[\\s/]+") + ")\\b");
  }();
  return expression;
}

bool is_header(const SourceFile& file) { return file.path.ends_with(".h"); }

// The words of all CMakeLists.txt, as paths from the root.
std::set<std::string> built_files(const std::vector<SourceFile>& tree) {
  std::set<std::string> paths;
  for (const SourceFile& file : tree) {
    if (!is_cmake(file)) continue;
    std::string text = file.text;
    std::replace(text.begin(), text.end(), '(', ' ');
    std::replace(text.begin(), text.end(), ')', ' ');
    std::istringstream words(text);
    for (std::string word; words >> word;) {
      paths.insert(std::string(folder_of(file.path)) + "/" + word);
    }
  }
  return paths;
}

}  // namespace

std::vector<std::string> size_breaches(const SourceFile& file) {
  std::vector<std::string> breaches;
  const std::vector<std::string> lines = lines_of(file.text);
  if (lines.size() > kSourceLinesMax) {
    breaches.push_back(file.path + " has " + std::to_string(lines.size()) + " lines");
  }
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const std::size_t columns = columns_of(lines[i]);
    if (columns > kColumnsMax && !is_cmake(file)) {
      breaches.push_back(at_line(file, i) + " has " + std::to_string(columns) + " columns");
    }
  }
  return breaches;
}

std::vector<std::string> word_breaches(const SourceFile& file) {
  std::vector<std::string> breaches;
  if (is_cmake(file) || !is_suspicious(file.text)) return breaches;
  const auto report = [&](std::string_view text, std::size_t at, std::string_view word) {
    const auto lines_before = std::count(text.begin(), text.begin() + static_cast<long>(at), '\n');
    breaches.push_back(at_line(file, static_cast<std::size_t>(lines_before)) + " has " +
                       std::string(word));
  };
  const std::string code = code_only(file.text);
  for (const BannedWord& banned : kBannedWords) {
    if (may_have(file, banned)) continue;
    for (std::size_t at = 0; (at = find_word(code, banned.word, at)) != code.npos; ++at) {
      report(code, at, banned.word);
    }
  }
  const std::string comments = comments_only(file.text);
  for (std::size_t at = 0; (at = find_word(comments, kTodo, at)) != comments.npos; ++at) {
    if (is_bare_todo(comments, at)) report(comments, at, kTodo);
  }
  return breaches;
}

std::vector<std::string> vague_phrases(const SourceFile& file) {
  std::vector<std::string> breaches;
  if (is_cmake(file)) return breaches;
  const std::string comments = comments_only(file.text);
  const auto begin = std::sregex_iterator(comments.begin(), comments.end(), vague_phrase());
  for (auto match = begin; match != std::sregex_iterator(); ++match) {
    const auto lines_before =
        std::count(comments.begin(), comments.begin() + match->position(), '\n');
    const std::string phrase = std::regex_replace(match->str(), std::regex("[\\s/]+"), " ");
    breaches.push_back(at_line(file, static_cast<std::size_t>(lines_before)) + " has " + phrase);
  }
  return breaches;
}

std::vector<std::string> dead_files(const std::vector<SourceFile>& tree) {
  const std::set<std::string> built = built_files(tree);
  std::set<std::string> included;
  for (const SourceFile& file : tree) {
    for (const std::string& include : includes_of(file.text)) {
      included.insert(include.substr(1, include.size() - 2));
    }
  }
  std::vector<std::string> dead;
  for (const SourceFile& file : tree) {
    if (is_cmake(file) || built.contains(file.path)) continue;
    const bool library = file.path.starts_with("memctx/") || file.path.starts_with("runtime/") ||
                         file.path.starts_with("server/");
    if (!is_header(file) || library || !included.contains(file.path)) {
      dead.push_back(file.path + " is in no CMakeLists.txt");
    }
  }
  return dead;
}

std::vector<std::string> readme_breaches(const std::string& path, const std::string& text) {
  if (text.empty()) return {path + " is missing"};
  const std::size_t lines = lines_of(text).size();
  if (lines > kReadmeLinesMax) return {path + " has " + std::to_string(lines) + " lines"};
  return {};
}

}  // namespace tests

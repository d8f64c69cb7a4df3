#pragma once

// What the fuzzers of hba and ident files share: a text that is several files, and words as they
// are written.

#include <string>
#include <string_view>

#include "server/auth/token_lexer.h"
#include "tests/auth/memory_files.h"

namespace tests {

inline constexpr std::string_view kAuthFile = "/d/main";

// The file at hand, up to the first form feed; then others, each a name, a line feed and its text,
// up to the next form feed.
inline MemoryFiles split_auth_files(std::string_view text) {
  MemoryFiles files;
  std::string path(kAuthFile);
  for (;;) {
    const std::size_t end = text.find('\f');
    files.write(path, std::string(text.substr(0, end)));
    if (end == std::string_view::npos) return files;
    text.remove_prefix(end + 1);
    const std::size_t line = text.substr(0, text.find('\f')).find('\n');
    if (line == std::string_view::npos) return files;
    path = "/d/" + std::string(text.substr(0, line));
    text.remove_prefix(line + 1);
  }
}

// In quotes all of it, or all but its first character, which says then what the word is.
inline std::string written(const server::auth::Token& token) {
  const std::size_t bare = token.quoted || token.text.empty() ? 0 : 1;
  std::string text = token.text.substr(0, bare) + '"';
  for (const char c : std::string_view(token.text).substr(bare))
    text += c == '"' ? "\"\"" : std::string(1, c);
  return text + '"';
}

}  // namespace tests

#include "server/console/pattern.h"

#include <cstddef>
#include <optional>

#include "server/console/errors.h"
#include "server/wire/text.h"

namespace server::console {

namespace {

std::size_t character_bytes(std::string_view text, std::size_t at) {
  std::size_t bytes = 1;
  while (at + bytes < text.size() && (text[at + bytes] & 0xC0) == 0x80) ++bytes;
  return bytes;
}

}  // namespace

runtime::Result<bool> is_like(std::string_view text, std::string_view pattern, bool ignores_case,
                              std::string_view escape) {
  if (!escape.empty() && character_bytes(escape, 0) != escape.size()) {
    return runtime::Error{.kind = &kBadEscape,
                          .what = "invalid escape string",
                          .hint = "Escape string must be empty or one character."};
  }
  const auto equal = [ignores_case](char a, char b) {
    return ignores_case ? wire::lower(a) == wire::lower(b) : a == b;
  };
  const bool escapes = escape.size() == 1;
  std::size_t t = 0;
  std::size_t p = 0;
  // Behind the last %, and the text that it has not taken yet: it takes one character more when
  // what follows does not match.
  std::optional<std::size_t> behind_any;
  std::size_t untaken = 0;
  while (t < text.size()) {
    std::size_t literal = p;
    if (p < pattern.size() && escapes && pattern[p] == escape[0]) {
      if (++literal == pattern.size()) {
        return runtime::Error{.kind = &kBadEscape,
                              .what = "LIKE pattern must not end with escape character"};
      }
    } else if (p < pattern.size() && pattern[p] == '%') {
      behind_any = ++p;
      untaken = t;
      continue;
    } else if (p < pattern.size() && pattern[p] == '_') {
      ++p;
      t += character_bytes(text, t);
      continue;
    }
    if (literal < pattern.size() && equal(pattern[literal], text[t])) {
      p = literal + 1;
      ++t;
    } else if (behind_any) {
      p = *behind_any;
      untaken += character_bytes(text, untaken);
      t = untaken;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '%') ++p;
  return p == pattern.size();
}

}  // namespace server::console

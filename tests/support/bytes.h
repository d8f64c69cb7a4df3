#pragma once

// Bytes as tests write them down.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/check.h"

namespace tests {

// Hex digits in pairs, with blanks wherever they help, and "text" in double quotes:
//   bytes("43 00000009 \"SHOW\" 00")
inline std::vector<std::byte> bytes(std::string_view text) {
  const auto digit = [](char c) {
    const auto at = std::string_view("0123456789abcdef").find(c);
    CHECK(at != std::string_view::npos);
    return at;
  };
  std::vector<std::byte> made;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '"') {
      quoted = !quoted;
    } else if (quoted) {
      made.push_back(static_cast<std::byte>(text[i]));
    } else if (text[i] != ' ') {
      CHECK(i + 1 < text.size());
      made.push_back(static_cast<std::byte>(digit(text[i]) << 4 | digit(text[i + 1])));
      ++i;
    }
  }
  CHECK(!quoted);
  return made;
}

}  // namespace tests

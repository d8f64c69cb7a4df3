#pragma once

// Text as PostgreSQL reads it: only the letters of ASCII have two cases, whatever the locale.

#include <algorithm>
#include <optional>
#include <string_view>

namespace server::wire {

constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

constexpr bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower(x) == lower(y); });
}

// Without the blanks before it, or around it.
std::string_view trim_left(std::string_view text);
std::string_view trim(std::string_view text);

// Any beginning of a word for true or false that no other such word shares (bool.c, parse_bool).
std::optional<bool> parse_bool(std::string_view text);

}  // namespace server::wire

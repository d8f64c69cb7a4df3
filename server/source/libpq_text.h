#pragma once

#include <charconv>
#include <optional>
#include <string>
#include <string_view>

namespace server::source {

// What libpq gives is text. Its messages end in a newline, and may have several lines.
inline std::string trimmed(const char* text) {
  std::string_view view = text == nullptr ? "" : text;
  while (!view.empty() && view.back() == '\n') view.remove_suffix(1);
  return std::string(view);
}

// The number that a value is; none if it is anything else, or has no room in an Integer.
template <typename Integer>
std::optional<Integer> parse_integer(std::string_view text) {
  Integer value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace server::source

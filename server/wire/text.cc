#include "server/wire/text.h"

namespace server::wire {

namespace {

constexpr std::string_view kBlanks = " \t\n\v\f\r";

bool is_begin_of(std::string_view text, std::string_view word, std::size_t shortest) {
  return text.size() >= shortest && equal_ignoring_case(text, word.substr(0, text.size()));
}

}  // namespace

std::string_view trim_left(std::string_view text) {
  return text.substr(std::min(text.find_first_not_of(kBlanks), text.size()));
}

std::string_view trim(std::string_view text) {
  text = trim_left(text);
  return text.substr(0, text.find_last_not_of(kBlanks) + 1);
}

std::optional<bool> parse_bool(std::string_view text) {
  if (is_begin_of(text, "true", 1) || is_begin_of(text, "yes", 1) || is_begin_of(text, "on", 2) ||
      text == "1") {
    return true;
  }
  if (is_begin_of(text, "false", 1) || is_begin_of(text, "no", 1) || is_begin_of(text, "off", 2) ||
      text == "0") {
    return false;
  }
  return std::nullopt;
}

}  // namespace server::wire

#include "server/console/arrays.h"

#include <algorithm>

#include "runtime/format.h"
#include "server/console/errors.h"
#include "server/wire/text.h"

namespace server::console {

namespace {

runtime::Error malformed(std::string_view text, std::string_view detail) {
  return {.kind = &kBadText,
          .what = runtime::format("malformed array literal: \"{}\"", text),
          .detail = std::string(detail)};
}

bool needs_quotes(std::string_view element) {
  if (element.empty() || wire::equal_ignoring_case(element, "null")) return true;
  return std::any_of(element.begin(), element.end(), [](char c) {
    return c == '"' || c == '\\' || c == '{' || c == '}' || c == ',' || c == ' ' ||
           (c >= '\t' && c <= '\r');
  });
}

// Takes one element, up to the comma or brace behind it. Returns false where it does not end.
bool take_element(std::string_view text, std::size_t& at, ArrayElements& elements) {
  std::string element;
  bool quoted = false;
  bool inside = false;
  for (; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '\\' && at + 1 < text.size()) {
      element += text[++at];
      quoted = true;
    } else if (c == '"') {
      if (!inside && !quoted) element.clear();  // of blanks
      inside = !inside;
      quoted = true;
    } else if (!inside && (c == ',' || c == '}')) {
      break;
    } else if (!inside && quoted && c == ' ') {
      continue;  // around the quotes
    } else {
      element += c;
    }
  }
  if (at == text.size()) return false;
  if (!quoted) element = wire::trim(element);
  if (!quoted && wire::equal_ignoring_case(element, "null")) {
    elements.emplace_back();
  } else {
    elements.emplace_back(std::move(element));
  }
  return true;
}

}  // namespace

runtime::Result<ArrayElements> read_array(std::string_view literal) {
  const std::string_view text = wire::trim(literal);
  if (!text.starts_with('{')) {
    return malformed(literal, "Array value must start with \"{\" or dimension information.");
  }
  ArrayElements elements;
  std::size_t at = 1;
  if (wire::trim(text.substr(1)) == "}") return elements;
  while (true) {
    if (!take_element(text, at, elements)) return malformed(literal, "Unexpected end of input.");
    if (elements.back() && elements.back()->find('{') != std::string::npos && text[at - 1] != '"') {
      return runtime::Error{.kind = &wire::kFeatureNotSupported,
                            .what = "arrays of more than one dimension are not supported here"};
    }
    if (text[at++] == '}') break;
  }
  if (at != text.size()) return malformed(literal, "Junk after closing right brace.");
  return elements;
}

std::string write_array(std::span<const std::optional<std::string>> elements) {
  std::string text = "{";
  for (const auto& element : elements) {
    if (text.size() > 1) text += ',';
    if (!element) {
      text += "NULL";
    } else if (!needs_quotes(*element)) {
      text += *element;
    } else {
      text += '"';
      for (const char c : *element) {
        if (c == '"' || c == '\\') text += '\\';
        text += c;
      }
      text += '"';
    }
  }
  return text + '}';
}

}  // namespace server::console

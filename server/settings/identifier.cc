#include "server/settings/identifier.h"

#include <algorithm>
#include <map>
#include <utility>

#include "runtime/format.h"
#include "server/wire/errors.h"
#include "server/wire/text.h"

namespace server::settings {

void limit_notices(Notices& notices) {
  std::map<const runtime::ErrorKind*, std::size_t> counts;
  std::erase_if(notices, [&counts](const runtime::Error& notice) {
    return ++counts[notice.kind] > kNoticesOfAKindMax;
  });
}

void truncate_identifier(std::string& name, Notices& notices) {
  if (name.size() <= kIdentifierBytesMax) return;
  std::string cut = name.substr(0, kIdentifierBytesMax);
  notices.push_back(
      {.kind = &wire::kNameTooLong,
       .what = runtime::format("identifier \"{}\" will be truncated to \"{}\"", name, cut)});
  name = std::move(cut);
}

namespace {

constexpr std::string_view kBlanks = " \t\n\r\f";  // scanner_isspace
constexpr std::string_view kEndsName = ", \t\n\r\f";

std::string_view skip_blanks(std::string_view text) {
  return text.substr(std::min(text.find_first_not_of(kBlanks), text.size()));
}

// Takes a quoted name off the front of `text`, which begins with the quote. Two quotes within the
// name stand for one.
std::optional<std::string> take_quoted(std::string_view& text) {
  std::string name;
  for (text.remove_prefix(1);; name += '"') {
    const auto end = text.find('"');
    if (end == std::string_view::npos) return std::nullopt;
    name += text.substr(0, end);
    text.remove_prefix(end + 1);
    if (!text.starts_with('"')) return name;
    text.remove_prefix(1);
  }
}

std::optional<std::string> take_plain(std::string_view& text) {
  std::string name(text.substr(0, text.find_first_of(kEndsName)));
  text.remove_prefix(name.size());
  if (name.empty()) return std::nullopt;
  std::transform(name.begin(), name.end(), name.begin(), wire::lower);
  return name;
}

}  // namespace

std::optional<std::vector<std::string>> split_identifiers(std::string_view list) {
  std::vector<std::string> names;
  std::string_view rest = skip_blanks(list);
  if (rest.empty()) return names;
  for (;;) {
    auto name = rest.starts_with('"') ? take_quoted(rest) : take_plain(rest);
    if (!name.has_value()) return std::nullopt;
    Notices unwanted;
    truncate_identifier(*name, unwanted);
    names.push_back(std::move(*name));
    rest = skip_blanks(rest);
    if (rest.empty()) return names;
    if (!rest.starts_with(',')) return std::nullopt;
    rest = skip_blanks(rest.substr(1));
  }
}

}  // namespace server::settings

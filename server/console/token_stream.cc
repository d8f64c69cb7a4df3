#include "server/console/token_stream.h"

#include <algorithm>
#include <iterator>

#include "runtime/format.h"
#include "server/console/errors.h"

namespace server::console {

bool TokenStream::accept(std::initializer_list<std::string_view> words) {
  std::size_t ahead = 0;
  for (const std::string_view word : words) {
    if (!next_is(word, ahead++)) return false;
  }
  for (std::size_t i = 0; i < ahead; ++i) take();
  return true;
}

runtime::Result<std::string> TokenStream::name() {
  const Token& token = peek();
  if (!token.is_name() || (token.kind == TokenKind::kWord && is_reserved(token.text))) {
    return unexpected();
  }
  return take().text;
}

runtime::Result<std::string> TokenStream::label() {
  if (!peek().is_name()) return unexpected();
  return take().text;
}

runtime::Result<void> TokenStream::nest() {
  constexpr int kNestedMax = 1000;
  if (++nested_ <= kNestedMax) return {};
  return runtime::Error{.kind = &kStatementTooComplex, .what = "stack depth limit exceeded"};
}

runtime::Error TokenStream::not_supported(std::string_view what, std::size_t offset) const {
  return at({.kind = &wire::kFeatureNotSupported,
             .what = runtime::format("{} not supported by walcast's console", what)},
            text_, offset);
}

bool is_reserved(std::string_view word) {
  static constexpr std::string_view kReserved[]{"all",          "and",
                                                "any",          "array",
                                                "as",           "asc",
                                                "both",         "case",
                                                "cast",         "check",
                                                "collate",      "column",
                                                "constraint",   "create",
                                                "cross",        "current_catalog",
                                                "current_date", "current_role",
                                                "current_time", "current_timestamp",
                                                "current_user", "default",
                                                "deferrable",   "desc",
                                                "distinct",     "do",
                                                "else",         "end",
                                                "except",       "false",
                                                "fetch",        "for",
                                                "foreign",      "from",
                                                "full",         "grant",
                                                "group",        "having",
                                                "ilike",        "in",
                                                "initially",    "inner",
                                                "intersect",    "into",
                                                "is",           "isnull",
                                                "join",         "lateral",
                                                "leading",      "left",
                                                "like",         "limit",
                                                "localtime",    "localtimestamp",
                                                "natural",      "not",
                                                "notnull",      "null",
                                                "offset",       "on",
                                                "only",         "or",
                                                "order",        "outer",
                                                "overlaps",     "placing",
                                                "primary",      "references",
                                                "returning",    "right",
                                                "select",       "session_user",
                                                "similar",      "some",
                                                "symmetric",    "table",
                                                "tablesample",  "then",
                                                "to",           "trailing",
                                                "true",         "union",
                                                "unique",       "user",
                                                "using",        "variadic",
                                                "when",         "where",
                                                "window",       "with"};
  return std::binary_search(std::begin(kReserved), std::end(kReserved), word);
}

}  // namespace server::console

#include "server/auth/regex.h"

#include <re2/re2.h>

#include <cstdint>
#include <utility>

#include "runtime/check.h"
#include "runtime/format.h"
#include "server/auth/file_error.h"
#include "server/auth/regex_syntax.h"

namespace server::auth {

using re2::RE2;
using re2::StringPiece;
using runtime::Result;

namespace {

constexpr std::int64_t kMemoryMax = 1 << 20;

RE2::Options options(Regex::Case letters) {
  RE2::Options options;
  options.set_case_sensitive(letters == Regex::Case::kDiffers);
  options.set_encoding(RE2::Options::EncodingLatin1);
  options.set_posix_syntax(true);
  options.set_perl_classes(true);
  options.set_one_line(true);
  options.set_longest_match(true);
  options.set_dot_nl(true);
  options.set_log_errors(false);
  options.set_max_mem(kMemoryMax);
  return options;
}

constexpr std::string_view kQuantifierReason = "quantifier operand invalid";
constexpr std::string_view kCountsReason = "invalid repetition count(s)";

// PostgreSQL's words (regerrs.h) for what may be wrong.
std::string_view reason(const RE2& failed) {
  switch (failed.error_code()) {
    case RE2::ErrorBadCharClass:
      return "invalid character class";
    case RE2::ErrorBadCharRange:  // also of "[:name:]"
      return failed.error_arg().starts_with("[:") ? "invalid character class"
                                                  : "invalid character range";
    case RE2::ErrorMissingBracket:
      return "brackets [] not balanced";
    case RE2::ErrorMissingParen:
    case RE2::ErrorUnexpectedParen:
      return "parentheses () not balanced";
    case RE2::ErrorBadEscape:
    case RE2::ErrorTrailingBackslash:
      return "invalid escape \\ sequence";
    case RE2::ErrorRepeatArgument:
    case RE2::ErrorRepeatOp:
      return kQuantifierReason;
    case RE2::ErrorRepeatSize:
      return kCountsReason;
    case RE2::ErrorPatternTooLarge:
      return "regular expression is too complex";
    default:
      return "invalid regexp";
  }
}

runtime::Error invalid(std::string_view pattern, std::string_view why, bool is_foreign) {
  runtime::Error error{
      .kind = &kInvalidRegularExpression,
      .what = runtime::format("invalid regular expression \"{}\": {}", pattern, why)};
  if (is_foreign) {
    error.hint =
        "There are no back references, no groups that begin with \"(?\", no non-greedy "
        "quantifiers, no collating elements, and no escapes but those before punctuation, \\d \\D "
        "\\s \\S \\w \\W and \\a \\f \\n \\r \\t \\v.";
  }
  return error;
}

}  // namespace

Regex::Regex(std::unique_ptr<const RE2> compiled) : compiled_(std::move(compiled)) {}
Regex::Regex(Regex&&) noexcept = default;
Regex& Regex::operator=(Regex&&) noexcept = default;
Regex::~Regex() = default;

Result<Regex> Regex::compile(std::string_view pattern, Case letters) {
  switch (find_regex_fault(pattern)) {
    case RegexFault::kNone:
      break;
    case RegexFault::kQuantifier:
      return invalid(pattern, kQuantifierReason, false);
    case RegexFault::kCounts:
      return invalid(pattern, kCountsReason, false);
    case RegexFault::kForeign:
      return invalid(pattern, "not supported", true);
  }
  auto compiled =
      std::make_unique<const RE2>(StringPiece(pattern.data(), pattern.size()), options(letters));
  if (!compiled->ok()) {
    return invalid(pattern, reason(*compiled), compiled->error_code() == RE2::ErrorBadEscape);
  }
  return Regex(std::move(compiled));
}

bool Regex::matches(std::string_view text) const { return match(text).has_value(); }

std::optional<Regex::Match> Regex::match(std::string_view text) const {
  DCHECK(compiled_ != nullptr);
  StringPiece groups[2];  // the whole, and the first group
  const int count = compiled_->NumberOfCapturingGroups() > 0 ? 2 : 1;
  const StringPiece subject(text.data(), text.size());
  if (!compiled_->Match(subject, 0, subject.size(), RE2::UNANCHORED, groups, count)) {
    return std::nullopt;
  }
  Match match;
  if (groups[1].data() != nullptr) {
    match.first_group = std::string_view(groups[1].data(), groups[1].size());
  }
  return match;
}

const std::string& Regex::pattern() const { return compiled_->pattern(); }

}  // namespace server::auth

// Functions of texts, numbers and arrays (varlena.c, oracle_compat.c, numeric.c, arrayfuncs.c).

#include <algorithm>
#include <array>
#include <cmath>
#include <string>

#include "runtime/format.h"
#include "server/console/arrays.h"
#include "server/console/errors.h"
#include "server/console/function.h"
#include "server/console/numbers.h"
#include "server/console/sizes.h"
#include "server/console/token_stream.h"
#include "server/wire/text.h"

namespace server::console {

namespace {

const std::string& text_of(const Value& value) { return std::get<std::string>(value); }
std::int64_t integer_of(const Value& value) { return std::get<std::int64_t>(value); }
double real_of(const Value& value) {
  if (const auto* whole = std::get_if<std::int64_t>(&value)) return static_cast<double>(*whole);
  return std::get<double>(value);
}

// Where the character of that index begins, from 0; the text's end if it has no more.
std::size_t offset_of(std::string_view text, std::int64_t character) {
  std::size_t at = 0;
  for (; at < text.size(); ++at) {
    if ((text[at] & 0xC0) != 0x80 && character-- == 0) return at;
  }
  return at;
}
std::int64_t characters(std::string_view text) {
  return std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; });
}

std::string mapped(std::string text, char first, char last, int by) {
  for (char& c : text) {
    if (c >= first && c <= last) c = static_cast<char>(c + by);
  }
  return text;
}

runtime::Result<Value> substring(const std::string& whole, std::int64_t start,
                                 std::int64_t length) {
  if (length < 0) {
    return runtime::Error{.kind = &kNegativeSubstring,
                          .what = "negative substring length not allowed"};
  }
  std::int64_t end = 0;
  if (__builtin_add_overflow(start, length, &end)) end = INT64_MAX;
  const std::size_t from = offset_of(whole, std::max<std::int64_t>(start, 1) - 1);
  const std::size_t to = offset_of(whole, std::max<std::int64_t>(end, 1) - 1);
  return text(whole.substr(from, to > from ? to - from : 0));
}

// left() and right() with a negative count leave so many out.
std::string first_characters(const std::string& whole, std::int64_t count) {
  if (count < 0) count = std::max<std::int64_t>(characters(whole) + count, 0);
  return whole.substr(0, offset_of(whole, count));
}
std::string last_characters(const std::string& whole, std::int64_t count) {
  const std::int64_t size = characters(whole);
  const std::int64_t skipped =
      count < 0 ? std::min(size, -std::max(count, -size)) : std::max<std::int64_t>(size - count, 0);
  return whole.substr(offset_of(whole, skipped));
}

std::string trimmed(const std::string& whole, const std::string& what, bool left, bool right) {
  std::size_t begin = 0;
  std::size_t end = whole.size();
  while (left && begin < end && what.find(whole[begin]) != std::string::npos) ++begin;
  while (right && end > begin && what.find(whole[end - 1]) != std::string::npos) --end;
  return whole.substr(begin, end - begin);
}
std::string set_of(Arguments a) { return a.size() > 1 && !is_null(a[1]) ? text_of(a[1]) : " "; }

runtime::Error too_long() {
  return {.kind = &wire::kConfigurationLimitExceeded, .what = "the value would be too long"};
}

runtime::Result<Value> replace(CallContext& context, Arguments a) {
  const std::string& from = text_of(a[1]);
  if (from.empty()) return a[0];
  std::string made;
  std::size_t at = 0;
  while (true) {
    const std::size_t found = std::min(text_of(a[0]).find(from, at), text_of(a[0]).size());
    made.append(text_of(a[0]), at, found - at);
    if (found == text_of(a[0]).size()) return text(made);
    made += text_of(a[2]);
    at = found + from.size();
    if (made.size() > context.value_bytes_max) return too_long();
  }
}

runtime::Result<Value> repeat(CallContext& context, Arguments a) {
  const std::int64_t count = std::max<std::int64_t>(integer_of(a[1]), 0);
  const auto size = static_cast<std::int64_t>(text_of(a[0]).size());
  if (size != 0 && count > static_cast<std::int64_t>(context.value_bytes_max) / size) {
    return too_long();
  }
  std::string made;
  for (std::int64_t i = 0; size != 0 && i < count; ++i) made += text_of(a[0]);
  return text(made);
}

runtime::Result<Value> split_part(CallContext&, Arguments a) {
  std::int64_t wanted = integer_of(a[2]);
  if (wanted == 0) {
    return runtime::Error{.kind = &runtime::kInvalidParameterValue,
                          .what = "field position must not be zero"};
  }
  std::vector<std::string> parts(1);
  const std::string& whole = text_of(a[0]);
  const std::string& by = text_of(a[1]);
  for (std::size_t at = 0; at < whole.size();) {
    if (!by.empty() && whole.compare(at, by.size(), by) == 0) {
      parts.emplace_back();
      at += by.size();
    } else {
      parts.back() += whole[at++];
    }
  }
  const auto count = static_cast<std::int64_t>(parts.size());
  if (wanted < 0) wanted += count + 1;
  return text(wanted < 1 || wanted > count ? "" : parts[static_cast<std::size_t>(wanted - 1)]);
}

runtime::Result<Value> position_in(CallContext&, Arguments a) {
  const std::size_t found = text_of(a[0]).find(text_of(a[1]));
  if (found == std::string::npos) return integer(0);
  return integer(characters(text_of(a[0]).substr(0, found)) + 1);
}

runtime::Result<Value> quote_identifier(CallContext&, Arguments a) {
  const std::string& name = text_of(a[0]);
  const bool plain = !name.empty() && (name[0] == '_' || (name[0] >= 'a' && name[0] <= 'z')) &&
                     std::all_of(name.begin(), name.end(), [](char c) {
                       return c == '_' || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
                     });
  if (plain && !is_reserved(name)) return a[0];
  std::string quoted = "\"";
  for (const char c : name) quoted.append(c == '"' ? 2 : 1, c);
  return text(quoted + '"');
}

runtime::Result<Value> concat(CallContext&, Arguments a) {
  std::string made;
  for (const Value& value : a) {
    if (!is_null(value)) made += text_of(value);
  }
  return text(made);
}

// Half away from zero, as numeric_round.
runtime::Result<Value> round_number(CallContext&, Arguments a) {
  if (std::holds_alternative<std::int64_t>(a[0])) return a[0];
  return Value(std::round(real_of(a[0])));
}
runtime::Result<Value> round_to(CallContext&, Arguments a) {
  if (std::holds_alternative<std::int64_t>(a[0])) return a[0];
  const double scale =
      std::pow(10.0, static_cast<double>(std::clamp<std::int64_t>(integer_of(a[1]), -300, 15)));
  return Value(std::round(real_of(a[0]) * scale) / scale);
}
runtime::Result<Value> round_float(CallContext&, Arguments a) {
  return Value(std::nearbyint(real_of(a[0])));
}
template <double (*kFunction)(double)>
runtime::Result<Value> of_real(CallContext&, Arguments a) {
  if (std::holds_alternative<std::int64_t>(a[0])) return a[0];
  return Value(kFunction(std::get<double>(a[0])));
}

runtime::Result<Value> absolute(CallContext&, Arguments a) {
  const auto* whole = std::get_if<std::int64_t>(&a[0]);
  if (whole == nullptr) return Value(std::abs(std::get<double>(a[0])));
  if (*whole == INT64_MIN) {
    return runtime::Error{.kind = &kOutOfRange, .what = "bigint out of range"};
  }
  return Value(std::abs(*whole));
}

runtime::Result<Value> array_text(CallContext&, Arguments a) {
  const ArrayElements elements = TRY(read_array(text_of(a[0])));
  std::string made;
  bool first = true;
  for (const auto& element : elements) {
    if (!element && (a.size() < 3 || is_null(a[2]))) continue;
    if (!first) made += text_of(a[1]);
    first = false;
    made += element ? *element : text_of(a[2]);
  }
  return text(made);
}

runtime::Result<Value> array_count(CallContext&, Arguments a) {
  return integer(static_cast<std::int64_t>(TRY(read_array(text_of(a[0]))).size()));
}
runtime::Result<Value> array_length(CallContext& context, Arguments a) {
  const Value count = TRY(array_count(context, a));
  if (integer_of(a[1]) != 1 || integer_of(count) == 0) return null();
  return count;
}

constexpr Type kT = Type::kText;
constexpr Type kI = Type::kInt4;

std::vector<Function> text_functions() {
  return {
      {"upper",
       {kT},
       kT,
       [](CallContext&, Arguments a) -> runtime::Result<Value> {
         return text(mapped(text_of(a[0]), 'a', 'z', 'A' - 'a'));
       }},
      {"lower",
       {kT},
       kT,
       [](CallContext&, Arguments a) -> runtime::Result<Value> {
         return text(mapped(text_of(a[0]), 'A', 'Z', 'a' - 'A'));
       }},
      {"length",
       {kT},
       kI,
       [](CallContext&, Arguments a) -> runtime::Result<Value> {
         return integer(characters(text_of(a[0])));
       }},
      {"char_length",
       {kT},
       kI,
       [](CallContext&, Arguments a) -> runtime::Result<Value> {
         return integer(characters(text_of(a[0])));
       }},
      {"octet_length",
       {kT},
       kI,
       [](CallContext&, Arguments a) -> runtime::Result<Value> {
         return integer(static_cast<std::int64_t>(text_of(a[0]).size()));
       }},
      {"substring",
       {kT, kI},
       kT,
       [](CallContext&, Arguments a) -> runtime::Result<Value> {
         return substring(text_of(a[0]), integer_of(a[1]), INT32_MAX);
       }},
      {"substring",
       {kT, kI, kI},
       kT,
       [](CallContext&, Arguments a) -> runtime::Result<Value> {
         return substring(text_of(a[0]), integer_of(a[1]), integer_of(a[2]));
       }},
  };
}

std::vector<Function> cutting_functions() {
  return {
      {"left",
       {kT, kI},
       kT,
       [](CallContext&, Arguments a) -> runtime::Result<Value> {
         return text(first_characters(text_of(a[0]), integer_of(a[1])));
       }},
      {"right",
       {kT, kI},
       kT,
       [](CallContext&, Arguments a) -> runtime::Result<Value> {
         return text(last_characters(text_of(a[0]), integer_of(a[1])));
       }},
      {"btrim",
       {kT, kT},
       kT,
       [](CallContext&, Arguments a) -> runtime::Result<Value> {
         return text(trimmed(text_of(a[0]), set_of(a), true, true));
       },
       1,
       false},
      {"ltrim",
       {kT, kT},
       kT,
       [](CallContext&, Arguments a) -> runtime::Result<Value> {
         return text(trimmed(text_of(a[0]), set_of(a), true, false));
       },
       1,
       false},
      {"rtrim",
       {kT, kT},
       kT,
       [](CallContext&, Arguments a) -> runtime::Result<Value> {
         return text(trimmed(text_of(a[0]), set_of(a), false, true));
       },
       1,
       false},
  };
}

std::vector<Function> search_functions() {
  return {
      {"replace", {kT, kT, kT}, kT, replace},
      {"repeat", {kT, kI}, kT, repeat},
      {"split_part", {kT, kT, kI}, kT, split_part},
      {"strpos", {kT, kT}, kI, position_in},
      {"starts_with",
       {kT, kT},
       Type::kBool,
       [](CallContext&, Arguments a) -> runtime::Result<Value> {
         return flag(text_of(a[0]).starts_with(text_of(a[1])));
       }},
      {"quote_ident", {kT}, kT, quote_identifier},
      {"quote_literal",
       {kT},
       kT,
       [](CallContext&, Arguments a) -> runtime::Result<Value> {
         std::string quoted = "'";
         for (const char c : text_of(a[0])) quoted.append(c == '\'' ? 2 : 1, c);
         return text(quoted + '\'');
       }},
      {"concat", {kT}, kT, concat, 0, false, false, true},
  };
}

std::vector<Function> number_functions() {
  constexpr Type kN = Type::kNumeric;
  constexpr Type kF = Type::kFloat8;
  return {
      {"abs", {kI}, kI, absolute},
      {"abs", {Type::kInt8}, Type::kInt8, absolute},
      {"abs", {kN}, kN, absolute},
      {"abs", {kF}, kF, absolute},
      {"round", {kN}, kN, round_number},
      {"round", {kF}, kF, round_float},
      {"round", {kN, kI}, kN, round_to},
      {"trunc", {kN}, kN, of_real<std::trunc>},
      {"trunc", {kF}, kF, of_real<std::trunc>},
      {"ceil", {kN}, kN, of_real<std::ceil>},
      {"ceil", {kF}, kF, of_real<std::ceil>},
      {"floor", {kN}, kN, of_real<std::floor>},
      {"floor", {kF}, kF, of_real<std::floor>},
      {"pg_size_pretty",
       {Type::kInt8},
       kT,
       [](CallContext&, Arguments a) -> runtime::Result<Value> {
         return text(size_pretty(integer_of(a[0])));
       }},
      {"pg_size_pretty",
       {kN},
       kT,
       [](CallContext&, Arguments a) -> runtime::Result<Value> {
         return text(size_pretty(real_of(a[0])));
       }},
      {"pg_size_bytes",
       {kT},
       Type::kInt8,
       [](CallContext&, Arguments a) -> runtime::Result<Value> {
         return Value(TRY(size_bytes(text_of(a[0]))));
       }},
  };
}

std::vector<Function> array_functions() {
  return {
      {"array_to_string", {Type::kTextArray, kT}, kT, array_text},
      {"array_to_string", {Type::kTextArray, kT, kT}, kT, array_text, 0, false},
      {"array_length", {Type::kTextArray, kI}, kI, array_length},
      {"cardinality", {Type::kTextArray}, kI, array_count},
  };
}

}  // namespace

std::vector<Function> value_functions() {
  std::vector<Function> all = text_functions();
  // substr() is substring() by another name.
  for (std::size_t i = 0, count = all.size(); i < count; ++i) {
    if (all[i].name != "substring") continue;
    Function same = all[i];
    same.name = "substr";
    all.push_back(std::move(same));
  }
  for (auto* more : {cutting_functions, search_functions, number_functions, array_functions}) {
    for (Function& function : more()) all.push_back(std::move(function));
  }
  return all;
}

}  // namespace server::console

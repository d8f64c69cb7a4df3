#include "server/console/primary_parser.h"

#include <string>
#include <utility>
#include <vector>

namespace server::console {

using Kind = Expression::Kind;

bool query_begins(const TokenStream& tokens) {
  std::size_t ahead = 0;
  while (tokens.next_is("(", ahead)) ++ahead;
  return tokens.next_is("select", ahead) || tokens.next_is("values", ahead) ||
         tokens.next_is("with", ahead);
}

runtime::Result<ExpressionRef> PrimaryParser::primary() {
  const Token& token = tokens_.peek();
  switch (token.kind) {
    case TokenKind::kString:
      tokens_.take();
      return make_expression(Kind::kString, token.begin, token.text);
    case TokenKind::kInteger:
    case TokenKind::kDecimal:
      tokens_.take();
      return make_expression(Kind::kNumber, token.begin, token.text);
    case TokenKind::kParameter: {
      constexpr std::size_t kDigitsMax = 5;
      ExpressionRef parameter = make_expression(Kind::kParameter, token.begin);
      if (token.text.size() <= kDigitsMax) parameter->number = std::stoul(token.text);
      parameter->text = token.text;
      tokens_.take();
      return parameter;
    }
    case TokenKind::kName:
      return name_or_call();
    case TokenKind::kWord:
      return word();
    default:
      if (token.is("(")) return parenthesis();
      return tokens_.unexpected();
  }
}

runtime::Result<ExpressionRef> PrimaryParser::word() {
  const Token& token = tokens_.peek();
  const std::string_view text = token.text;
  if (text == "null") return make_expression(Kind::kNull, tokens_.take().begin);
  if (text == "true" || text == "false") {
    ExpressionRef flag = make_expression(Kind::kBool, tokens_.take().begin);
    flag->flag = text == "true";
    return flag;
  }
  if (text == "case") return case_of();
  if (text == "cast" && tokens_.next_is("(", 1)) return cast_of();
  if (text == "extract" && tokens_.next_is("(", 1)) return extract();
  if (text == "array") return array();
  if (text == "exists" && tokens_.next_is("(", 1)) return exists();
  if (text.starts_with("current_") || text == "session_user" || text == "user" ||
      text == "localtimestamp") {
    if (is_reserved(text) && !tokens_.next_is("(", 1)) {
      ExpressionRef call = make_expression(Kind::kFunction, tokens_.take().begin);
      call->names = {std::string(text)};
      return call;
    }
  }
  if (tokens_.next_is("(", 1) && (text == "substring" || text == "position" || text == "trim")) {
    return special_call(text);
  }
  // interval '1 day', pg_lsn '0/0', timestamp with time zone '...'.
  const bool timestamp =
      text == "timestamp" && (tokens_.next_is("with", 1) || tokens_.next_is("without", 1));
  if (timestamp || tokens_.peek(1).kind == TokenKind::kString) {
    return typed_literal();
  }
  return name_or_call();
}

runtime::Result<ExpressionRef> PrimaryParser::typed_literal() {
  ExpressionRef cast = make_expression(Kind::kCast, tokens_.begin());
  cast->type = TRY(type_name());
  if (tokens_.peek().kind != TokenKind::kString) return tokens_.unexpected();
  const Token& literal = tokens_.take();
  cast->arguments.push_back(make_expression(Kind::kString, literal.begin, literal.text));
  return cast;
}

// A query, an expression, or a row.
runtime::Result<ExpressionRef> PrimaryParser::parenthesis() {
  const std::size_t begin = tokens_.take().begin;
  if (query_begins(tokens_)) {
    ExpressionRef made = make_expression(Kind::kSubquery, begin);
    made->query = TRY(outer_.query());
    TRY(tokens_.expect(")"));
    return made;
  }
  ExpressionRef value = TRY(outer_.expression());
  if (tokens_.next_is(",")) {
    value = make_expression(Kind::kRow, begin, "", std::move(value));
    while (tokens_.accept(",")) value->arguments.push_back(TRY(outer_.expression()));
  }
  TRY(tokens_.expect(")"));
  return value;
}

runtime::Result<ExpressionRef> PrimaryParser::case_of() {
  ExpressionRef made = make_expression(Kind::kCase, tokens_.take().begin);
  if (!tokens_.next_is("when")) {
    made->text = "with";
    made->arguments.push_back(TRY(outer_.expression()));
  }
  if (!tokens_.next_is("when")) return tokens_.unexpected();
  while (tokens_.accept("when")) {
    made->arguments.push_back(TRY(outer_.expression()));
    TRY(tokens_.expect("then"));
    made->arguments.push_back(TRY(outer_.expression()));
  }
  if (tokens_.accept("else")) {
    made->flag = true;
    made->arguments.push_back(TRY(outer_.expression()));
  }
  TRY(tokens_.expect("end"));
  return made;
}

runtime::Result<ExpressionRef> PrimaryParser::cast_of() {
  ExpressionRef made = make_expression(Kind::kCast, tokens_.take().begin);
  tokens_.take();
  made->arguments.push_back(TRY(outer_.expression()));
  TRY(tokens_.expect("as"));
  made->type = TRY(type_name());
  TRY(tokens_.expect(")"));
  return made;
}

runtime::Result<ExpressionRef> PrimaryParser::extract() {
  ExpressionRef made = make_expression(Kind::kExtract, tokens_.take().begin);
  tokens_.take();
  if (tokens_.peek().kind == TokenKind::kString) {
    made->text = tokens_.take().text;
  } else {
    made->text = TRY(tokens_.label());
  }
  TRY(tokens_.expect("from"));
  made->arguments.push_back(TRY(outer_.expression()));
  TRY(tokens_.expect(")"));
  return made;
}

runtime::Result<ExpressionRef> PrimaryParser::array() {
  const std::size_t begin = tokens_.take().begin;
  if (tokens_.next_is("(") && query_begins(tokens_)) {
    tokens_.take();
    ExpressionRef made = make_expression(Kind::kArrayQuery, begin);
    made->query = TRY(outer_.query());
    TRY(tokens_.expect(")"));
    return made;
  }
  TRY(tokens_.expect("["));
  ExpressionRef made = make_expression(Kind::kArray, begin);
  while (!tokens_.next_is("]")) {
    made->arguments.push_back(TRY(outer_.expression()));
    if (!tokens_.accept(",")) break;
  }
  TRY(tokens_.expect("]"));
  return made;
}

runtime::Result<ExpressionRef> PrimaryParser::exists() {
  ExpressionRef made = make_expression(Kind::kExists, tokens_.take().begin);
  tokens_.take();
  made->query = TRY(outer_.query());
  TRY(tokens_.expect(")"));
  return made;
}

// SUBSTRING(x FROM n FOR m), POSITION(x IN y), TRIM(BOTH x FROM y): or with commas.
runtime::Result<ExpressionRef> PrimaryParser::special_call(std::string_view name) {
  ExpressionRef made = make_expression(Kind::kFunction, tokens_.take().begin);
  made->names = {std::string(name)};
  tokens_.take();
  if (name == "trim") {
    if (tokens_.accept("leading")) made->names = {"ltrim"};
    if (tokens_.accept("trailing")) made->names = {"rtrim"};
    if (made->names[0] == "trim") made->names = {"btrim"};
    tokens_.accept("both");
  }
  if (tokens_.next_is("from")) {
    tokens_.take();
    made->arguments.push_back(TRY(outer_.expression()));
  } else {
    made->arguments.push_back(name == "position" ? TRY(outer_.operation())
                                                 : TRY(outer_.expression()));
  }
  if (name == "position" && tokens_.accept("in")) {
    made->arguments.insert(made->arguments.begin(), TRY(outer_.operation()));
    made->names = {"strpos"};
  } else if (name == "trim" && tokens_.accept("from")) {
    made->arguments.insert(made->arguments.begin(), TRY(outer_.expression()));
  } else {
    while (tokens_.accept(",") || tokens_.accept("from") || tokens_.accept("for")) {
      made->arguments.push_back(TRY(outer_.expression()));
    }
  }
  TRY(tokens_.expect(")"));
  return made;
}

runtime::Result<ExpressionRef> PrimaryParser::name_or_call() {
  const std::size_t begin = tokens_.begin();
  // left() and right() are functions too, if a parenthesis follows.
  std::vector<std::string> names;
  const bool called =
      tokens_.next_is("(", 1) && (tokens_.next_is("left") || tokens_.next_is("right"));
  names.push_back(called ? tokens_.take().text : TRY(tokens_.name()));
  while (tokens_.next_is(".")) {
    tokens_.take();
    if (tokens_.accept("*")) {
      ExpressionRef star = make_expression(Kind::kStar, begin);
      star->names = std::move(names);
      return star;
    }
    names.push_back(TRY(tokens_.label()));
  }
  if (tokens_.next_is("(")) return call_behind(std::move(names), begin);
  ExpressionRef column = make_expression(Kind::kColumn, begin);
  column->names = std::move(names);
  return column;
}

runtime::Result<ExpressionRef> PrimaryParser::call() {
  ExpressionRef made = TRY(word());
  if (made->kind != Kind::kFunction) return tokens_.unexpected();
  return made;
}

// The arguments, and what may follow them.
runtime::Result<ExpressionRef> PrimaryParser::call_behind(std::vector<std::string> names,
                                                          std::size_t begin) {
  ExpressionRef made = make_expression(Kind::kFunction, begin);
  made->names = std::move(names);
  tokens_.take();
  if (tokens_.next_is("*") && tokens_.next_is(")", 1)) {
    tokens_.take();
    made->star = true;
  } else if (!tokens_.next_is(")")) {
    made->distinct = tokens_.accept("distinct");
    if (!made->distinct) tokens_.accept("all");
    do {
      std::string argument;
      if (tokens_.peek().is_name() && (tokens_.next_is("=>", 1) || tokens_.next_is(":=", 1))) {
        argument = tokens_.take().text;
        tokens_.take();
      }
      made->argument_names.push_back(std::move(argument));
      made->arguments.push_back(TRY(outer_.expression()));
    } while (tokens_.accept(","));
    if (tokens_.next_is("order")) {
      return tokens_.not_supported("ORDER BY in an aggregate is", tokens_.begin());
    }
  }
  TRY(tokens_.expect(")"));
  if (tokens_.next_is("filter") && tokens_.next_is("(", 1)) {
    tokens_.accept({"filter", "("});
    TRY(tokens_.expect("where"));
    made->filter = TRY(outer_.expression());
    TRY(tokens_.expect(")"));
  }
  if (tokens_.next_is("over")) {
    return tokens_.not_supported("window functions are", tokens_.begin());
  }
  return made;
}

// "timestamp with time zone", "character varying(10)", "pg_catalog.int4[]".
runtime::Result<TypeName> PrimaryParser::type_name() {
  TypeName type{.name = {}, .array = false, .begin = tokens_.begin()};
  type.name = TRY(tokens_.name());
  while (tokens_.accept(".")) type.name = TRY(tokens_.label());
  if (type.name == "double" && tokens_.accept("precision")) type.name = "double precision";
  if (type.name == "character" && tokens_.accept("varying")) type.name = "character varying";
  if (tokens_.accept("(")) {
    while (!tokens_.next_is(")") && tokens_.peek().kind != TokenKind::kEnd) tokens_.take();
    TRY(tokens_.expect(")"));
  }
  if (type.name == "timestamp") {
    if (tokens_.accept({"with", "time", "zone"})) type.name = "timestamptz";
    tokens_.accept({"without", "time", "zone"});
  }
  while (tokens_.accept("[")) {
    if (tokens_.peek().kind == TokenKind::kInteger) tokens_.take();
    TRY(tokens_.expect("]"));
    type.array = true;
  }
  return type;
}

}  // namespace server::console

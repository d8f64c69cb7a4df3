#include "server/console/parser.h"

#include <utility>

#include "runtime/format.h"
#include "server/console/errors.h"
#include "server/console/expression_parser.h"
#include "server/console/token_stream.h"

namespace server::console {

namespace {

// One parser for a statement and all queries within.
class QueryParser final : private ExpressionParser::Queries {
 public:
  explicit QueryParser(TokenStream& tokens) : tokens_(tokens), expressions_(tokens, *this) {}

  runtime::Result<QueryRef> statement() {
    QueryRef parsed = TRY(query());
    if (tokens_.peek().kind != TokenKind::kEnd) return tokens_.unexpected();
    return parsed;
  }

 private:
  runtime::Result<QueryRef> query() override {
    if (depth_ >= kDepthMax) {
      return runtime::Error{.kind = &kStatementTooComplex, .what = "stack depth limit exceeded"};
    }
    ++depth_;
    auto parsed = whole_query();
    --depth_;
    return parsed;
  }

  runtime::Result<QueryRef> whole_query() {
    std::vector<CommonTable> with;
    bool recursive = false;
    if (tokens_.accept("with")) {
      recursive = tokens_.accept("recursive");
      do {
        with.push_back(TRY(common_table()));
      } while (tokens_.accept(","));
    }
    QueryRef parsed = TRY(set_operations());
    parsed->recursive = recursive;
    if (parsed->with.empty()) parsed->with = std::move(with);
    if (tokens_.accept({"order", "by"})) {
      do {
        parsed->order_by.push_back(TRY(order_item()));
      } while (tokens_.accept(","));
    }
    TRY(limits(*parsed));
    if (tokens_.next_is("for")) {
      return at({.kind = &kReadOnly,
                 .what = "cannot execute SELECT FOR UPDATE in a read-only transaction"},
                tokens_.text(), tokens_.begin());
    }
    return parsed;
  }

  runtime::Result<CommonTable> common_table() {
    CommonTable table{.name = {}, .begin = tokens_.begin(), .columns = {}, .query = {}};
    table.name = TRY(tokens_.name());
    if (tokens_.next_is("(")) table.columns = TRY(column_names());
    TRY(tokens_.expect("as"));
    if (tokens_.accept("not")) {
      TRY(tokens_.expect("materialized"));
    } else {
      tokens_.accept("materialized");
    }
    TRY(tokens_.expect("("));
    table.query = TRY(query());
    TRY(tokens_.expect(")"));
    return table;
  }

  // LIMIT and OFFSET in any order, and FETCH FIRST n ROWS ONLY.
  runtime::Result<void> limits(Query& query) {
    while (true) {
      if (tokens_.accept("limit")) {
        if (!tokens_.accept("all")) query.limit = TRY(expressions_.expression());
      } else if (tokens_.accept("offset")) {
        query.offset = TRY(expressions_.expression());
        if (!tokens_.accept("rows")) tokens_.accept("row");
      } else if (tokens_.accept("fetch")) {
        if (!tokens_.accept("first")) TRY(tokens_.expect("next"));
        query.limit = TRY(expressions_.expression());
        if (!tokens_.accept("rows")) TRY(tokens_.expect("row"));
        TRY(tokens_.expect("only"));
      } else {
        return {};
      }
    }
  }

  runtime::Result<OrderItem> order_item() {
    OrderItem item;
    item.value = TRY(expressions_.expression());
    if (tokens_.accept("desc")) {
      item.descending = true;
    } else {
      tokens_.accept("asc");
    }
    if (tokens_.accept("nulls")) {
      item.nulls_first = tokens_.accept("first");
      if (!*item.nulls_first) TRY(tokens_.expect("last"));
    }
    return item;
  }

  // INTERSECT binds closer than UNION and EXCEPT.
  runtime::Result<QueryRef> set_operations() {
    QueryRef left = TRY(intersections());
    while (tokens_.next_is("union") || tokens_.next_is("except")) {
      TRY(tokens_.nest());
      left = TRY(set_operation(std::move(left)));
    }
    return left;
  }
  runtime::Result<QueryRef> intersections() {
    QueryRef left = TRY(operand());
    while (tokens_.next_is("intersect")) {
      TRY(tokens_.nest());
      left = TRY(set_operation(std::move(left)));
    }
    return left;
  }
  runtime::Result<QueryRef> set_operation(QueryRef left) {
    auto sets = std::make_unique<SetOperation>();
    auto made = std::make_unique<Query>();
    made->begin = tokens_.begin();
    sets->operation = tokens_.take().text;
    sets->all = tokens_.accept("all");
    if (!sets->all) tokens_.accept("distinct");
    sets->left = std::move(left);
    sets->right = sets->operation == "intersect" ? TRY(operand()) : TRY(intersections());
    made->sets = std::move(sets);
    return made;
  }

  runtime::Result<QueryRef> operand() {
    if (tokens_.accept("(")) {
      QueryRef inner = TRY(query());
      TRY(tokens_.expect(")"));
      return inner;
    }
    auto made = std::make_unique<Query>();
    made->begin = tokens_.begin();
    made->select = std::make_unique<Select>();
    if (tokens_.accept("values")) {
      TRY(values(*made->select));
    } else if (tokens_.accept("table")) {
      made->select->items.emplace_back();
      made->select->items[0].value = make_expression(Expression::Kind::kStar, tokens_.begin());
      made->select->from.push_back(TRY(table()));
    } else {
      TRY(tokens_.expect("select"));
      TRY(select(*made->select));
    }
    return made;
  }

  runtime::Result<void> values(Select& select) {
    do {
      TRY(tokens_.expect("("));
      auto& row = select.values.emplace_back();
      do {
        row.push_back(TRY(expressions_.expression()));
      } while (tokens_.accept(","));
      TRY(tokens_.expect(")"));
    } while (tokens_.accept(","));
    return {};
  }

  // Behind SELECT.
  runtime::Result<void> select(Select& select) {
    select.distinct = tokens_.accept("distinct");
    if (!select.distinct) tokens_.accept("all");
    if (select.distinct && tokens_.next_is("on")) {
      return tokens_.not_supported("DISTINCT ON is", tokens_.begin());
    }
    // SELECT FROM t has no columns, which SQLite cannot have.
    do {
      select.items.push_back(TRY(item()));
    } while (tokens_.accept(","));
    if (tokens_.next_is("into")) {
      return at(
          {.kind = &kReadOnly, .what = "cannot execute SELECT INTO in a read-only transaction"},
          tokens_.text(), tokens_.begin());
    }
    if (tokens_.accept("from")) {
      do {
        select.from.push_back(TRY(from_item()));
      } while (tokens_.accept(","));
    }
    if (tokens_.accept("where")) select.where = TRY(expressions_.expression());
    if (tokens_.accept({"group", "by"})) {
      do {
        select.group_by.push_back(TRY(expressions_.expression()));
      } while (tokens_.accept(","));
    }
    if (tokens_.accept("having")) select.having = TRY(expressions_.expression());
    return {};
  }

  runtime::Result<SelectItem> item() {
    SelectItem item;
    if (tokens_.next_is("*")) {
      item.value = make_expression(Expression::Kind::kStar, tokens_.take().begin);
      return item;
    }
    item.value = TRY(expressions_.expression());
    if (tokens_.accept("as")) {
      item.name = TRY(tokens_.label());
    } else if (tokens_.peek().kind == TokenKind::kName ||
               (tokens_.peek().kind == TokenKind::kWord && !is_reserved(tokens_.peek().text))) {
      item.name = tokens_.take().text;
    }
    return item;
  }

  runtime::Result<FromItem> from_item() {
    FromItem left = TRY(table());
    while (true) {
      const std::size_t begin = tokens_.begin();
      const bool natural = tokens_.accept("natural");
      std::string join;
      if (tokens_.accept("cross")) {
        join = "cross";
      } else if (tokens_.next_is("left") || tokens_.next_is("right") || tokens_.next_is("full")) {
        join = tokens_.take().text;
        tokens_.accept("outer");
      } else if (tokens_.accept("inner") || tokens_.next_is("join")) {
        join = "inner";
      } else {
        if (natural) return tokens_.unexpected();
        return left;
      }
      TRY(tokens_.expect("join"));
      TRY(tokens_.nest());
      FromItem made;
      made.kind = FromItem::Kind::kJoin;
      made.begin = begin;
      made.natural = natural;
      made.join = join;
      made.left = std::make_unique<FromItem>(std::move(left));
      made.right = std::make_unique<FromItem>(TRY(table()));
      if (join != "cross" && !natural) TRY(join_condition(made));
      left = std::move(made);
    }
  }

  runtime::Result<void> join_condition(FromItem& join) {
    if (tokens_.accept("using")) {
      join.using_columns = TRY(column_names());
      return {};
    }
    TRY(tokens_.expect("on"));
    join.on = TRY(expressions_.expression());
    return {};
  }

  runtime::Result<FromItem> table() {
    FromItem item;
    item.begin = tokens_.begin();
    tokens_.accept("lateral");
    tokens_.accept("only");
    if (tokens_.next_is("(")) {
      if (!query_begins(tokens_)) {
        tokens_.take();
        item = TRY(from_item());
        TRY(tokens_.expect(")"));
        return item;
      }
      tokens_.take();
      item.kind = FromItem::Kind::kQuery;
      item.query = TRY(query());
      TRY(tokens_.expect(")"));
    } else if (calls()) {
      item.kind = FromItem::Kind::kFunction;
      item.function = TRY(expressions_.call());
      if (tokens_.next_is("with") && tokens_.next_is("ordinality", 1)) {
        return tokens_.not_supported("WITH ORDINALITY is", tokens_.begin());
      }
    } else {
      item.names.push_back(TRY(tokens_.name()));
      while (tokens_.accept(".")) item.names.push_back(TRY(tokens_.label()));
      tokens_.accept("*");
    }
    return aliased(std::move(item));
  }

  // Whether a name with a parenthesis behind it comes next, or CURRENT_USER and its like.
  bool calls() const {
    std::size_t ahead = 0;
    while (tokens_.peek(ahead).is_name() && tokens_.next_is(".", ahead + 1)) ahead += 2;
    if (!tokens_.peek(ahead).is_name()) return false;
    return tokens_.next_is("(", ahead + 1) ||
           (tokens_.peek().kind == TokenKind::kWord && tokens_.peek().text.starts_with("current_"));
  }

  runtime::Result<FromItem> aliased(FromItem item) {
    if (tokens_.accept("as")) {
      item.alias = TRY(tokens_.name());
    } else if (tokens_.peek().kind == TokenKind::kName ||
               (tokens_.peek().kind == TokenKind::kWord && !is_reserved(tokens_.peek().text))) {
      item.alias = tokens_.take().text;
    }
    if (!item.alias.empty() && tokens_.next_is("(")) item.columns = TRY(column_names());
    return item;
  }

  runtime::Result<std::vector<std::string>> column_names() {
    std::vector<std::string> names;
    TRY(tokens_.expect("("));
    do {
      names.push_back(TRY(tokens_.name()));
    } while (tokens_.accept(","));
    TRY(tokens_.expect(")"));
    return names;
  }

  TokenStream& tokens_;
  ExpressionParser expressions_;
  int depth_ = 0;
};

}  // namespace

runtime::Result<QueryRef> parse_query(std::string_view text, std::span<const Token> tokens) {
  TokenStream stream(text, tokens);
  return QueryParser(stream).statement();
}

}  // namespace server::console
